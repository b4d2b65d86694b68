"""A complete case as a message in a channel: escaped, not too long, and never twice when it may have arrived."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from enrichment.choices import PushState
from enrichment.models import Push
from enrichment.services import planning, pushing
from secops import integrations
from secops.connectors.slack import MOST_TEXT, Slack
from secops.models import Integration
from tests.cases.messages import own, send

pytestmark = pytest.mark.django_db


class Channel(BaseHTTPRequestHandler):
    """Answers as Slack documents it."""

    got: list[dict[str, Any]]
    moods: list[int]  # 0: takes it and says nothing

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.moods.pop(0) if self.moods else 200
        if status in {0, 200}:
            self.got.append(json.loads(body))
        if status == 0:
            time.sleep(1)
            return
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"ok" if status == 200 else b"no_service")

    def log_message(self, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def channel(settings: Settings) -> Iterator[type[Channel]]:
    made = type("Made", (Channel,), {"got": [], "moods": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{server.server_port}",)
    integrations.add("slack", "Chat", {}, {"url": f"http://127.0.0.1:{server.server_port}/services/T1/B2/s3cret"})
    yield made
    server.shutdown()
    server.server_close()


def complete(title: str = "Beacon") -> None:
    send(own(title=title, rule={"id": title}))
    planning.plan_due()


def a_while() -> None:
    """Time passes: nothing waits, and the channel's second is over."""
    Push.objects.update(not_before=None)
    Integration.objects.update(tokens=None, refilled_at=None, hold_until=None)


def test_a_message_names_nobody_and_links_nothing_but_the_case(channel: type[Channel]) -> None:
    complete("<!channel> see <http://bad.example|here> & there")

    pushing.work()

    (message,) = channel.got
    assert "&lt;!channel&gt; see &lt;hxxp://bad[.]example" in message["text"]
    assert "<" not in message["text"]
    assert "/cases/CASE-" in message["text"]
    assert Push.objects.get().state == PushState.SENT


def test_a_refusal_is_tried_again_and_says_no_word_of_the_address(channel: type[Channel]) -> None:
    channel.moods = [404]
    complete()

    pushing.work()

    row = Push.objects.get()
    assert (row.state, row.reason) == (PushState.DUE, "127.0.0.1 refused to take the message (404)")
    a_while()
    pushing.work()
    assert len(channel.got) == 1


def test_a_message_that_may_have_arrived_is_not_sent_again(channel: type[Channel]) -> None:
    integrations.connector_of(Integration.objects.get()).http.timeout = (1, 0.1)
    channel.moods = [0]
    complete()

    pushing.work()
    a_while()
    pushing.work()

    assert len(channel.got) == 1
    row = Push.objects.get()
    assert row.state == PushState.FAILED
    assert "after the request was sent" in row.reason
    assert "s3cret" not in row.reason


def test_a_channel_gets_one_message_a_second_and_waiting_is_no_try(channel: type[Channel]) -> None:
    for number in range(3):
        complete(f"Beacon {number}")

    pushing.work()
    assert len(channel.got) == 1
    assert sorted(Push.objects.values_list("state", "attempts")) == [("due", 0), ("due", 0), ("sent", 1)]
    for _ in range(2):
        a_while()
        pushing.work()

    assert len(channel.got) == 3


def test_a_long_text_is_cut_and_still_leads_to_the_case(channel: type[Channel]) -> None:
    slack = integrations.connector_of(Integration.objects.get())
    assert isinstance(slack, Slack)

    slack.push_case(case={}, text="x" * 9_000, url="https://desk.example/1", number=2, key="k")

    text = channel.got[0]["text"]
    assert len(text) < MOST_TEXT + 30
    assert text.startswith("Update 2 of xxx")
    assert text.endswith("…\nhttps://desk.example/1")


def test_the_test_button_says_what_is_wrong(channel: type[Channel]) -> None:
    assert integrations.test(Integration.objects.get())
    unset = integrations.add("slack", "Unset", {})
    assert not integrations.test(unset)
    assert unset.health_text == "The address of the webhook is not set."
