"""What receive() promises: once, together, unread, restricted from birth, and nothing lost."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.models import (
    Alert,
    AlertKind,
    AlertPayload,
    Case,
    CaseDevice,
    CaseObservable,
    Observable,
    RejectedPayload,
    Sender,
)
from cases.services import alerts, cases, timeline
from cases.services.alerts import Receipt
from cases.signals import planning_due
from secops.models import ApiToken, User
from tests.cases.messages import message, own, send
from tests.factories import make_kind

pytestmark = pytest.mark.django_db


def statuses(receipt: Receipt) -> list[str]:
    return [result.status for result in receipt.results]


def test_the_same_alert_twice_is_one_alert() -> None:
    payload = own()

    first, second = send(payload), send(payload)

    assert statuses(first) == ["created"]
    assert statuses(second) == ["repeated"]
    assert second.results[0].alert_pk == first.results[0].alert_pk
    assert second.results[0].case_pk == first.results[0].case_pk
    assert Alert.objects.count() == Case.objects.count() == 1
    assert Case.objects.get().alert_count == 1


def test_the_same_alert_twice_in_one_batch_is_one_alert() -> None:
    payload = own()

    assert statuses(send(payload, payload)) == ["created", "repeated"]
    assert Alert.objects.count() == 1


def test_a_later_message_moves_count_and_status_while_title_and_body_stand() -> None:
    first = own(title="As first told", count=1)
    later = first | {"title": "As told later", "count": 9, "last_seen": "2026-11-01T12:00:00Z"}
    send(first)

    send(later)

    alert = Alert.objects.get()
    assert (alert.title, alert.count) == ("As first told", 9)
    assert alert.last_seen_at.hour == 12
    assert alert.payload.raw() == message(first).body
    assert [revision.sha256 for revision in alert.revisions.all()] != [alert.payload.sha256]
    send(later)
    assert alert.revisions.count() == 1


def test_a_burst_of_one_fingerprint_is_one_case_that_counts_up() -> None:
    send(*[own() for _ in range(30)])
    send(*[own() for _ in range(12)])

    case = Case.objects.get()
    assert case.alert_count == 42
    assert case.timeline.count() == 2
    assert timeline.verify(case) is None


@pytest.mark.parametrize(
    "other",
    [{"rule": {"id": "r8"}}, {"devices": [{"name": "FIN-LT-0143"}]}],
    ids=["another rule", "another device"],
)
def test_another_fingerprint_is_another_case(other: dict[str, Any]) -> None:
    send(own(), own(**other))

    assert Case.objects.count() == 2


def test_an_alert_joins_for_a_day_after_the_last_and_then_opens_a_new_case() -> None:
    now = timezone.now()
    send(own(), received_at=now - timedelta(hours=60))
    send(own(), received_at=now - timedelta(hours=40))
    send(own(), received_at=now)

    old, new = Case.objects.order_by("pk")
    assert (old.alert_count, old.fingerprint) == (2, None)
    assert new.alert_count == 1


def test_after_closing_a_new_alert_opens_a_new_case(analyst: User) -> None:
    send(own())
    cases.close(Case.objects.get().pk, "false_positive", "a test", actor=analyst)

    send(own())

    assert Case.objects.open().count() == 1
    assert Case.objects.count() == 2


def test_a_higher_severity_makes_the_case_unread_again_and_says_so() -> None:
    send(own(severity=2))
    Case.objects.update(is_unread=False)

    send(own(severity=1))
    assert not Case.objects.get().is_unread
    send(own(severity=4))

    case = Case.objects.get()
    assert case.is_unread
    assert case.severity == 4
    assert "Severity raised from medium to critical" in case.timeline.last().text


def test_a_new_device_makes_the_case_unread_again_and_says_so() -> None:
    send(own(devices=[{"name": "FIN-LT-0142"}]))
    Case.objects.update(is_unread=False)

    send(own(devices=[{"name": "FIN-LT-0142"}, {"name": "FIN-LT-0150"}]))

    case = Case.objects.get()
    assert case.is_unread
    assert "New device: FIN-LT-0150" in case.timeline.last().text
    assert CaseDevice.objects.filter(case=case).count() == 2


def test_a_broken_message_is_kept_and_the_good_ones_go_in() -> None:
    bad = own(severity="very")
    del bad["title"]

    receipt = send(own(), bad, own())

    assert statuses(receipt) == ["created", "rejected", "created"]
    assert "title" in {problem.field for problem in receipt.results[1].errors}
    kept = RejectedPayload.objects.get()
    assert kept.raw() == message(bad).body
    assert kept.problems[0]["field"]


def test_a_case_of_a_restricted_kind_is_restricted_before_anybody_can_look(analyst: User) -> None:
    group = Group.objects.create(name="insider")
    make_kind("secret", is_restricted=True, is_covert=True, group=group, words=["stick"], order=1)
    seen: list[bool] = []

    def look(case_ids: list[int], **_: Any) -> None:
        seen.extend(Case.objects.filter(pk__in=case_ids).values_list("is_restricted", flat=True))

    planning_due.connect(look)
    try:
        receipt = send(own(title="Much was copied to a stick"))
    finally:
        planning_due.disconnect(look)

    case = Case.objects.get()
    assert (case.is_restricted, case.is_covert, case.group, seen) == (True, True, group, [True])
    assert receipt.results[0].is_restricted
    assert not Case.objects.visible_to(analyst).exists()
    analyst.groups.add(group)
    assert Case.objects.visible_to(analyst).exists()


def test_a_kind_whose_expression_fails_is_skipped_and_the_case_says_so() -> None:
    make_kind("broken", match="alert.no.such.thing == 1", order=1)
    make_kind("fallback", order=2)

    send(own())

    case = Case.objects.get()
    assert case.kind.slug == "fallback"
    assert "“broken” was skipped" in case.timeline.get().text


def test_the_case_is_due_for_planning_and_the_bell_is_rung_inside_the_transaction() -> None:
    rung: list[tuple[list[int], bool]] = []

    def ring(case_ids: list[int], **_: Any) -> None:
        rung.append((case_ids, connection.in_atomic_block))

    planning_due.connect(ring)
    try:
        send(own(), own(rule={"id": "other"}))
    finally:
        planning_due.disconnect(ring)

    assert Case.objects.filter(is_planning_due=True).count() == 2
    assert rung == [(sorted(Case.objects.values_list("pk", flat=True)), True)]


def test_the_time_to_answer_starts_with_the_receipt() -> None:
    make_kind("quick", sla_minutes=60, order=1)

    send(own())

    case = Case.objects.get()
    assert case.sla_due_at - case.opened_at == timedelta(hours=1)


def test_observables_are_one_row_for_the_whole_house() -> None:
    seen = {"observables": [{"kind": "ip", "value": "203.0.113.9", "role": "destination"}]}
    send(own(**seen), own(rule={"id": "r8"}, **seen), own(**seen))

    assert Observable.objects.count() == 1
    assert sorted(CaseObservable.objects.values_list("count", flat=True)) == [1, 2]


def test_a_token_cannot_send_as_another_sender() -> None:
    mine, _ = ApiToken.issue("mine")
    other, _ = ApiToken.issue("acme-ids")

    receipt = send(own(source="acme-ids"), own(source="mine"), token=mine, source="mine")

    assert statuses(receipt) == ["rejected", "created"]
    assert receipt.results[0].errors[0].field == "source"
    assert statuses(send(own(source="acme-ids"), token=other, source="acme-ids")) == ["created"]


def test_the_first_token_that_sends_as_a_free_source_keeps_it_until_it_is_revoked() -> None:
    first, _ = ApiToken.issue("first")
    second, _ = ApiToken.issue("second")

    assert statuses(send(own(), token=first, source="first")) == ["created"]
    assert statuses(send(own(), token=second, source="second")) == ["rejected"]
    ApiToken.objects.filter(pk=first.pk).update(revoked_at=timezone.now())
    assert statuses(send(own(), token=second, source="second")) == ["created"]
    assert Sender.objects.get().token == second


def test_a_token_with_listed_sources_is_held_to_them() -> None:
    token, _ = ApiToken.issue("listed", sources=["acme-ids"])

    assert statuses(send(own(), own(source="else"), token=token, source="listed")) == ["created", "rejected"]


def hostile() -> dict[str, Any]:
    text = "<script>alert(1)</script>{{7*7}}${{ 7*7 }}\0\ud800\u202e" + "x" * 100_000
    return {
        "source_ref": text,
        "title": text,
        "description": text,
        "rule": {"id": text, "name": text, "version": text},
        "severity_raw": text,
        "url": text,
        "tags": [text],
        "devices": [{"name": text, "agent_id": text, "os": text}],
        "people": [{"login": text, "upn": text}],
        "flow": {"src_ip": "10.1.2.3", "dst_ip": "203.0.113.9", "proto": text},
        "observables": [{"kind": "file_name", "value": text, "role": "file", "note": text}],
    }


def test_hostile_text_is_repaired_and_never_rejected() -> None:
    receipt = send(own(**hostile()))

    assert statuses(receipt) == ["created"]
    alert = Alert.objects.get()
    assert len(alert.title) <= 300
    assert alert.title.startswith("<script>")
    for value in (alert.title, alert.description, alert.rule_name, Case.objects.get().title):
        assert not set(value) & {"\0", "\ud800"}
    assert timeline.verify(Case.objects.get()) is None


def test_the_bytes_received_stay_as_they_were() -> None:
    payload = own(title="ends with a NUL \0")

    send(payload)

    assert AlertPayload.objects.get().raw() == message(payload).body


def test_a_batch_costs_the_same_statements_however_large_it_is() -> None:
    AlertKind.objects.create(slug="default", name="Other", order=1_000)
    send(own(), own(rule={"id": "r8"}))  # something to join
    with CaptureQueriesContext(connection) as few:
        send(own(), own(rule={"id": "r9"}))
    with CaptureQueriesContext(connection) as many:
        send(*[own(rule={"id": f"r{number % 20}"}) for number in range(200)])

    assert len(many) <= len(few) + 1 <= 20  # one more asks whether the bytes came before


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_with_one_alert_make_one_alert() -> None:
    payload = own()
    results: list[str] = []
    barrier = threading.Barrier(20)

    def work() -> None:
        barrier.wait()
        try:
            results.extend(statuses(send(payload)))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == ["created", *["repeated"] * 19]
    assert Alert.objects.count() == Case.objects.get().alert_count == 1


@pytest.mark.django_db(transaction=True)
def test_bursts_from_several_threads_make_one_case_with_a_whole_timeline() -> None:

    def work() -> None:
        try:
            for _ in range(5):
                send(own(), own(), own())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    case = Case.objects.get()
    assert case.alert_count == Alert.objects.count() == 60
    assert timeline.verify(case) is None


def test_more_than_a_thousand_messages_are_numbered_through() -> None:
    receipt = alerts.receive(
        [message(own(source_ref=f"many-{number}")) for number in range(1_100)], detector="nightdesk", source="tests"
    )

    assert [result.index for result in receipt.results] == list(range(1_100))
    assert Alert.objects.count() == 1_100


def test_a_large_batch_sent_again_is_known_by_its_bytes_and_answered_in_order() -> None:
    payloads = [own(source="tests", rule={"id": f"r{number}"}) for number in range(2)]
    old = [own(source="tests", rule={"id": f"old-{number}"}) for number in range(25)]
    first = send(*old)

    again = send(payloads[0], *old, payloads[1], own(severity="very"))

    assert statuses(again) == ["created", *["repeated"] * 25, "created", "rejected"]
    assert [result.index for result in again.results] == list(range(28))
    assert [result.alert_pk for result in again.results[1:26]] == [result.alert_pk for result in first.results]
    assert [result.case_pk for result in again.results[1:26]] == [result.case_pk for result in first.results]


def test_the_same_bytes_from_another_source_are_another_alert() -> None:
    payloads = [{key: value for key, value in own().items() if key != "source"} for _ in range(25)]

    send(*payloads, source="one")
    assert set(statuses(send(*payloads, source="two"))) == {"created"}
    assert Alert.objects.count() == 50
