"""A complete case reaches every outlet once, signed; a restricted one none; and no outlet holds anything up."""

import socket
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from cases.choices import Tlp
from cases.models import Case
from cases.services import timeline
from enrichment.choices import PushState
from enrichment.models import Push
from enrichment.services import planning, pushes, pushing
from enrichment.services.settling import settle
from secops import integrations
from secops.connectors.smtp import Smtp
from secops.models import AuditEntry, Integration, User
from tests.cases.messages import own, send
from tests.factories import make_case
from tests.outlets import Receiver

pytestmark = pytest.mark.django_db


def complete(**fields: Any) -> Case:
    """A case that asks nothing, so that it is complete once it is planned."""
    send(own(**fields))
    planning.plan_due()
    return Case.objects.order_by("-pk")[0]


def later(**delta: float) -> None:
    """Time passes for every row and every outlet that waits."""
    for one in Integration.objects.exclude(hold_until=None):
        Integration.objects.filter(pk=one.pk).update(hold_until=one.hold_until - timedelta(**delta))  # type: ignore[operator]
    for row in Push.objects.exclude(not_before=None):
        Push.objects.filter(pk=row.pk).update(not_before=row.not_before - timedelta(**delta))  # type: ignore[operator]


def said(case: Case) -> list[str]:
    texts = case.timeline.order_by("seq").values_list("text", flat=True)
    return [text for text in texts if "ushed to" in text]


# --- once, whole, signed ----------------------------------------------------------------------------------------------
def test_a_complete_case_arrives_signed_and_whole(outlet: Integration, receiver: Receiver) -> None:
    case = complete(title="Call home to http://bad.example/x")

    assert receiver.asked == []  # nothing is sent by whoever completes a case
    assert pushing.work() == 1

    (got,) = receiver.got
    row = Push.objects.get()
    assert (got["schema"], got["id"], got["number"], got["is_update"]) == ("nightdesk.push/1", case.number, 1, False)
    assert got["key"] == str(row.key) == receiver.asked[0]
    assert got["url"].endswith(f"/cases/{case.number}/")
    assert got["case"]["alerts"][0]["title"] == case.title
    assert set(got["case"]["answers"]) == {"who", "where", "traffic", "device", "changes", "files"}
    assert got["case"]["enrichment"]["pending"] == 0
    assert got["text"].startswith(f"{case.number}: Call home to hxxp://bad[.]example/x\n")
    assert "\nWho? " in got["text"]
    assert got["text"].endswith(f"\n{got['url']}\n")
    assert (row.state, said(case)) == (PushState.SENT, ["Pushed to Old SIEM."])
    assert timeline.verify(case) is None


def test_the_same_state_is_never_pushed_twice(outlet: Integration, receiver: Receiver) -> None:
    case = complete()
    pushing.work()

    settle([case.pk])
    later(hours=1)

    assert pushing.work() == 0
    assert len(receiver.got) == 1


def test_completed_again_by_a_new_alert_it_is_an_update_of_the_same_case(
    outlet: Integration, receiver: Receiver
) -> None:
    first = complete()
    pushing.work()

    again = complete()

    assert again == first
    assert pushing.work() == 0  # a minute between two
    later(seconds=61)
    assert pushing.work() == 1
    assert [(got["id"], got["number"], got["is_update"]) for got in receiver.got] == [
        (first.number, 1, False),
        (first.number, 2, True),
    ]
    assert [len(got["case"]["alerts"]) for got in receiver.got] == [1, 2]
    assert len(set(receiver.asked)) == 2
    assert said(first) == ["Pushed to Old SIEM.", "Pushed to Old SIEM as update 2."]


def test_a_storm_is_one_push_and_one_update(outlet: Integration, receiver: Receiver) -> None:
    for _ in range(5):
        complete()
    pushing.work()
    for _ in range(5):
        complete()
    later(seconds=61)
    pushing.work()

    assert [(got["number"], got["case"]["alert_count"]) for got in receiver.got] == [(1, 5), (2, 10)]


def test_a_case_that_is_not_complete_at_this_moment_waits(outlet: Integration, receiver: Receiver) -> None:
    case = complete()
    send(own())  # joined, not planned yet

    assert not pushes.is_due()
    assert pushing.work() == 0

    planning.plan_due()
    assert pushing.work() == 1
    assert receiver.got[0]["case"]["alert_count"] == Case.objects.get(pk=case.pk).alert_count == 2


def test_each_outlet_is_told_and_one_that_fails_holds_up_no_other(outlet: Integration, receiver: Receiver) -> None:
    integrations.add("webhook", "A dead one", {"url": "http://127.0.0.1:9/cases"}, {"key": "k"})
    for number in range(3):
        complete(rule={"id": f"r{number}"})

    pushing.work()

    assert len(receiver.got) == 3
    assert Push.objects.filter(outlet="A dead one", attempts=1).count() == 1  # the others wait with it
    assert not Push.objects.due(timezone.now()).exists()


@pytest.mark.slow
def test_a_process_that_stays_sends_what_comes_due_meanwhile(outlet: Integration, receiver: Receiver) -> None:
    complete()
    integrations.connector_of(outlet).http.timeout = (1, 0.1)
    receiver.moods = [500]
    pushing.work()
    Push.objects.update(not_before=timezone.now() + timedelta(seconds=0.6))
    Integration.objects.update(hold_until=None)

    assert pushing.serve(1.2) == 1

    assert len(receiver.got) == 1


# --- never ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_covert", [False, True])
def test_a_restricted_case_is_not_even_noted(outlet: Integration, receiver: Receiver, is_covert: bool) -> None:
    make_case(is_planning_due=True, is_restricted=True, is_covert=is_covert)
    planning.plan_due()

    assert Case.objects.get().enriched_at
    assert (Push.objects.count(), pushing.work(), receiver.asked) == (0, 0, [])


def test_one_that_was_restricted_meanwhile_does_not_leave(
    outlet: Integration, receiver: Receiver, admin_user: User, client: Client
) -> None:
    case = complete()
    Case.objects.filter(pk=case.pk).update(is_restricted=True, group=Group.objects.create(name="The few"))

    pushing.work()

    assert receiver.asked == []
    assert Push.objects.get().state == PushState.WITHHELD
    assert said(case) == ["Not pushed to Old SIEM: The case is restricted."]
    client.force_login(admin_user)
    page = client.get("/admin/enrichment/push/").content.decode()
    assert case.number not in page
    assert "Old SIEM" not in page


def test_one_that_is_restricted_while_it_is_made_ready_does_not_leave(
    outlet: Integration, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, real = complete(), pushing.parcel

    def slow(of: Case) -> dict[str, Any]:
        made = real(of)
        Case.objects.filter(pk=of.pk).update(is_restricted=True)
        return made

    monkeypatch.setattr(pushing, "parcel", slow)
    pushing.work()

    assert receiver.asked == []
    assert said(case) == ["Not pushed to Old SIEM: The case is restricted."]


def test_what_the_outlet_may_not_be_told_is_withheld_with_the_reason(outlet: Integration, receiver: Receiver) -> None:
    case = complete(tlp="red")

    pushing.work()

    assert (case.tlp, receiver.asked) == (Tlp.RED, [])
    assert said(case) == ["Not pushed to Old SIEM: The case is RED; Old SIEM may be told less."]


def test_it_goes_where_an_admin_allowed_its_tlp(outlet: Integration, receiver: Receiver) -> None:
    Integration.objects.update(max_tlp=Tlp.RED)
    complete(tlp="red")

    pushing.work()

    assert receiver.got[0]["case"]["tlp"] == "red"


def test_a_red_case_is_not_mailed_to_a_list(mailbox: "Mailbox") -> None:
    case = complete(tlp="red")

    pushing.work()

    assert mailbox.to == []
    assert said(case) == ["Not pushed to Mail: The case is RED; Mail may be told less."]


def test_without_an_outlet_nothing_is_written_and_one_small_question_is_asked() -> None:
    case = complete()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        pushes.note([case])

    assert len(asked) == 1
    assert not Push.objects.exists()
    assert not pushes.is_due()


# --- failures ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mood", [500, 401, 429, "hang"])
def test_a_failure_is_tried_again_with_the_same_key(outlet: Integration, receiver: Receiver, mood: int | str) -> None:
    integrations.connector_of(outlet).http.timeout = (1, 0.1)
    receiver.moods = [mood]
    case = complete()

    pushing.work()
    row = Push.objects.get()
    assert (row.state, row.attempts, receiver.got) == (PushState.DUE, 1, [])
    assert "127.0.0.1" in row.reason
    outlet.refresh_from_db()
    assert (outlet.health_state, outlet.health_text) == ("failing", row.reason)
    assert row.not_before is not None
    wait = (row.not_before - timezone.now()).total_seconds()
    assert 74 < wait < 78 if mood == 429 else 6 < wait < 13
    assert pushing.work() == 0

    later(seconds=80)
    pushing.work()

    assert [got["id"] for got in receiver.got] == [case.number]
    assert receiver.asked == [str(row.key)] * 2
    outlet.refresh_from_db()
    assert outlet.health_state == "ok"
    assert said(case) == ["Pushed to Old SIEM."]


def test_it_is_given_up_with_a_reason_that_an_admin_sees_and_may_have_tried_again(
    outlet: Integration, receiver: Receiver, admin_user: User, client: Client
) -> None:
    receiver.moods = [500] * pushing.MOST_ATTEMPTS
    case = complete()

    for _ in range(pushing.MOST_ATTEMPTS + 2):
        pushing.work()
        later(days=1)

    assert len(receiver.asked) == pushing.MOST_ATTEMPTS
    assert said(case) == ["Not pushed to Old SIEM: 127.0.0.1 answered 500"]
    client.force_login(admin_user)
    page = client.get("/admin/enrichment/push/").content.decode()
    for word in ("Given up", "127.0.0.1 answered 500", case.number):
        assert word in page

    asked = {"action": "try_again", "_selected_action": [Push.objects.get().pk]}
    assert client.post("/admin/enrichment/push/", asked).status_code == 302
    pushing.work()

    assert [got["number"] for got in receiver.got] == [1]
    assert AuditEntry.objects.filter(text="Had 1 given up pushes to Old SIEM tried again", who="dee").exists()


def test_who_dies_between_send_and_write_sends_it_again_under_the_same_key(
    outlet: Integration, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(point: str) -> None:
        if point == "pushed":
            raise SystemExit

    case = complete()
    with monkeypatch.context() as patched:
        patched.setattr(pushing, "hit", die)
        with pytest.raises(SystemExit):
            pushing.work()
    assert (Push.objects.get().state, said(case)) == (PushState.DUE, [])
    assert pushing.work() == 0  # its lease

    later(seconds=61)
    pushing.work()

    assert [got["key"] for got in receiver.got] == [str(Push.objects.get().key)] * 2
    assert [got["number"] for got in receiver.got] == [1, 1]
    assert said(case) == ["Pushed to Old SIEM."]


def test_a_late_worker_whose_row_was_taken_over_writes_nothing(outlet: Integration, receiver: Receiver) -> None:
    case = complete()
    mine = pushing._claimed()
    assert mine is not None
    later(seconds=61)
    pushing.work()

    pushing._end(mine, PushState.FAILED, "too late")

    assert said(case) == ["Pushed to Old SIEM."]


def test_one_that_was_overtaken_is_not_sent(outlet: Integration, receiver: Receiver) -> None:
    receiver.moods = [500]
    case = complete()
    pushing.work()
    complete()
    later(hours=1)

    pushing.work()

    states = list(Push.objects.order_by("number").values_list("number", "state"))
    assert states == [(1, PushState.OVERTAKEN), (2, PushState.SENT)]
    assert said(case) == ["Pushed to Old SIEM as update 2."]


@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_what_is_due_for_an_outlet_that_is_gone_ends_and_for_one_that_is_off_waits(
    outlet: Integration, receiver: Receiver, how: str
) -> None:
    case = complete()
    if how == "removed":
        integrations.remove(outlet)
    else:
        Integration.objects.update(is_enabled=False)

    pushing.work()

    assert receiver.asked == []
    gone = ["Not pushed to Old SIEM: The integration was removed, or takes no cases any more."]
    assert said(case) == (gone if how == "removed" else [])
    assert pushes.left() == {"pushes": 0, "next_at": None}


def test_without_a_key_nothing_is_sent(receiver: Receiver) -> None:
    made = integrations.add("webhook", "Unsigned", {"url": f"http://127.0.0.1:{receiver.port}/"})
    complete()

    pushing.work()

    assert receiver.asked == []
    assert "No key is set" in Push.objects.get().reason
    assert not integrations.test(made)


def test_an_outlet_inside_that_deployment_did_not_list_is_not_reached(
    outlet: Integration, receiver: Receiver, settings: Settings
) -> None:
    settings.NIGHTDESK_INTERNAL_HOSTS = ()
    complete()

    pushing.work()

    assert receiver.asked == []
    assert "only https on port 443 may leave" in Push.objects.get().reason


# --- set up in the browser, and by mail -------------------------------------------------------------------------------
def test_an_admin_sets_it_up_and_tests_it(receiver: Receiver, admin_user: User, client: Client) -> None:
    client.force_login(admin_user)
    form = {"name": "Ours", "is_enabled": "on", "set_url": f"http://127.0.0.1:{receiver.port}/in"}
    page = "/admin/secops/integration/add/?connector=webhook"

    assert "restricted ones never" in client.get(page).content.decode()
    assert client.post(page, form | {"secret_key": "a shared key"}).status_code == 302
    made = Integration.objects.get()
    answer = client.post(f"/admin/secops/integration/{made.pk}/test/", follow=True)

    assert "The webhook takes cases from us." in answer.content.decode()
    assert (receiver.got[0]["id"], receiver.got[0]["number"], receiver.got[0]["case"]) == ("", 0, None)


class Mailbox:
    """A mail server of one conversation, and the mail that it took."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.to: list[str] = []
        self.mail = ""
        self.serving = Thread(target=self.serve, daemon=True)
        self.serving.start()

    def serve(self) -> None:
        sock, _ = self.listener.accept()
        with self.listener, sock, sock.makefile("rw", newline="\r\n") as stream:
            answer = "220 mail"
            while answer:
                stream.write(f"{answer}\n")
                stream.flush()
                answer = self.answered(stream)

    def answered(self, stream: Any) -> str:
        line = stream.readline()
        if line.upper().startswith("RCPT TO"):
            self.to.append(line[line.index("<") + 1 : line.index(">")])
        if line.upper().startswith("DATA"):
            stream.write("354 go on\n")
            stream.flush()
            while (line := stream.readline()) != ".\r\n":
                self.mail += line
        return "250 fine" if line else ""


@pytest.fixture
def mailbox(settings: Settings, db: None) -> Mailbox:
    """Where an integration for mail sends complete cases."""
    box = Mailbox()
    settings.NIGHTDESK_INTERNAL_HOSTS = (f"127.0.0.1:{box.port}",)
    values = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "soc@corp.example"}
    integrations.add("smtp", "Mail", values | {"cases_to": "shift@corp.example,lead@corp.example"})
    return box


def test_a_mail_tells_the_six_answers(mailbox: Mailbox) -> None:
    case = complete(title="Call home to bad.example")

    pushing.work()

    mailbox.serving.join(5)
    assert mailbox.to == ["shift@corp.example", "lead@corp.example"]
    mail = mailbox.mail
    assert f"Subject: {case.number}: Call home to bad[.]example" in mail
    assert f"Message-ID: <push-{Push.objects.get().key}@corp.example>" in mail.replace("\r\n ", " ")
    assert "What are the files?" in mail
    assert said(case) == ["Pushed to Mail."]


def test_mail_takes_cases_only_where_an_address_is_set_and_refuses_what_is_none() -> None:
    assert not Smtp.takes_cases({"cases_to": ""})
    values = {"host": "h", "port": 25, "sender": "a@b.example"}
    with pytest.raises(integrations.IntegrationError, match="cases_to"):
        integrations.add("smtp", "Mail", values | {"cases_to": "shift@corp.example, nobody"})
