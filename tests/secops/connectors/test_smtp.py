"""Mail out: through the door, with a Message-ID of our key, and honest about doubt."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from secops.connectors.base import Settings as Values
from secops.connectors.capabilities.errors import Doubt, NoEffect
from secops.connectors.smtp import Smtp
from secops.http import HttpError
from tests.secops.connectors.conftest import Range

VALUES = {"host": "127.0.0.1", "security": "none", "sender": "soc@corp.example"}


class Script:
    """A mail server that says its lines: the first is the greeting, then one per command; None hangs up."""

    def __init__(self, lines: list[str | None]) -> None:
        self.lines = lines
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        with suppress(OSError):
            sock, _ = self.listener.accept()
            with sock, sock.makefile("rwb") as stream:
                for line in self.lines:
                    if line is None:
                        return
                    stream.write(line.encode() + b"\r\n")
                    stream.flush()
                    command = stream.readline()
                    while line.startswith("354") and command not in {b".\r\n", b""}:
                        command = stream.readline()


@pytest.fixture
def scripted(settings: Settings) -> Iterator[Callable[..., Smtp]]:
    """A connector that speaks to a Script."""
    servers: list[Script] = []

    def make(*lines: str | None) -> Smtp:
        servers.append(Script(list(lines)))
        settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{servers[-1].port}",)
        return Smtp(Values(values=Smtp.clean(VALUES | {"port": servers[-1].port})))

    yield make
    for server in servers:
        server.listener.close()


def test_a_mail_arrives_as_it_was_written(attached: Callable[..., Any], practice: Range) -> None:
    smtp = attached(Smtp, VALUES | {"port": practice.smtp_port})

    sent = smtp.send_mail(to=["cfo@corp.example"], subject="One\r\nBcc: x@y.example", text="Olá\n", key="run-1/step 2")

    assert smtp.test()
    assert sent == "<run-1step2@corp.example>"
    (kept,) = [path.read_text() for path in (practice.folder / "mail").glob("*.eml") if sent in path.read_text()]
    assert "Subject: One Bcc: x@y.example" in kept
    assert "\nBcc:" not in kept
    assert "X-Envelope-To: cfo@corp.example" in kept


def test_a_server_that_is_not_listed_is_never_reached(settings: Settings) -> None:
    settings.NIGHTDESK_INTERNAL_HOSTS = ()
    smtp = Smtp(Values(values=Smtp.clean(VALUES | {"port": 25})))

    with pytest.raises(HttpError, match="NIGHTDESK_INTERNAL_HOSTS") as caught:
        smtp.send_mail(to=["a@b.example"], subject="s", text="t", key="k")
    assert not caught.value.was_sent


def test_a_greeting_that_turns_us_away_sent_nothing(scripted: Callable[..., Smtp]) -> None:
    with pytest.raises(HttpError) as caught:
        scripted("554 no").send_mail(to=["a@b.example"], subject="s", text="t", key="k")
    assert not caught.value.was_sent


@pytest.mark.parametrize(("reply", "wait"), [("550 their words", None), ("451 their words", 300.0)])
def test_a_refused_recipient_had_no_effect(scripted: Callable[..., Smtp], reply: str, wait: float | None) -> None:
    smtp = scripted("220 hi", "250 ok", "250 sender ok", reply, "250 reset")

    with pytest.raises(NoEffect) as caught:
        smtp.send_mail(to=["a@b.example"], subject="s", text="t", key="k")
    assert caught.value.retry_after == wait
    assert "their words" not in str(caught.value)


def test_a_server_that_hangs_up_after_the_text_leaves_doubt(scripted: Callable[..., Smtp]) -> None:
    smtp = scripted("220 hi", "250 ok", "250 sender ok", "250 to ok", "354 go on", None)

    with pytest.raises(Doubt):
        smtp.send_mail(to=["a@b.example"], subject="s", text="t", key="k")


def test_a_password_is_never_sent_in_clear() -> None:
    with pytest.raises(ValidationError) as caught:
        Smtp.clean(VALUES | {"port": 25, "username": "soc"})
    assert list(caught.value.message_dict) == ["security"]
