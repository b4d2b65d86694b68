"""The lookup engine: answers, waits, retries, ends."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from cases.models import Case
from cases.services import observables, timeline
from enrichment import duties
from enrichment.choices import LookupState
from enrichment.models import KindQuestion, Lookup
from enrichment.services import lookups, planning
from secops import quotas
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.capabilities.identity import DeviceRecord, Lease
from secops.connectors.capabilities.places import Reputation
from secops.http import HttpError
from secops.models import Integration
from tests.enrichment.conftest import Answers
from tests.factories import make_alert, make_case, make_kind

BAD = Reputation(malicious=9, checked=90, families=["Marrowlink"], tactics=["Command and Control"])
pytestmark = pytest.mark.django_db(transaction=True)


def _case(*questions: str) -> Case:
    kind = make_kind()
    for question in questions:
        KindQuestion.objects.create(kind=kind, question=question)
    case = make_case(kind=kind, is_planning_due=True)
    make_alert(case, src_ip="10.20.3.14", dst_ip="203.0.113.44", dst_port=443)
    observables.attach(case.pk, "ip", "203.0.113.44", "destination")
    planning.plan_due()
    return case


def test_an_answer_becomes_a_finding_a_card_and_risk(source: Answers) -> None:
    source.by_method["reputation"] = BAD
    case = _case("address_reputation")

    lookups.work()

    case.refresh_from_db()
    assert case.cards["where"] == {
        "verdict": "malicious",
        "label": "Malicious",
        "headline": "9 of 90 engines call 203.0.113.44 malicious, known as Marrowlink.",
        "state": "done",
        "is_marked": False,
    }
    assert case.risk_score == 35
    assert case.risk["reasons"][0]["text"] == "known bad: Marrowlink"
    assert case.enrichment["answered"] == 1
    assert case.enrichment["seconds"] > 0


def test_a_source_that_says_later_is_waited_for_and_no_try_is_counted(source: Answers) -> None:
    source.by_method["reputation"] = SourceLimited("Daily quota used", 60)
    case = _case("address_reputation")

    lookups.work()

    lookup = case.lookups.get()
    assert (lookup.state, lookup.attempts) == (LookupState.DUE, 0)
    assert Integration.objects.get().hold_until > timezone.now() + timedelta(seconds=50)
    calls = len(source.calls)
    lookups.work()
    assert len(source.calls) == calls


def test_a_refusal_ends_the_lookup_and_marks_the_card(source: Answers) -> None:
    source.by_method["reputation"] = SourceRefused("The licence does not cover this")
    case = _case("address_reputation")

    lookups.work()

    case.refresh_from_db()
    assert case.lookups.get().state == LookupState.REFUSED
    assert case.cards["where"]["verdict"] == "unknown"
    assert case.cards["where"]["is_marked"]
    assert "licence" in case.risk["missing"][0]


def test_a_fault_is_tried_five_times_and_then_failed(source: Answers) -> None:
    source.by_method["reputation"] = HttpError("vt.example broke off")
    case = _case("address_reputation")

    for _ in range(7):
        Lookup.objects.update(not_before=None)
        lookups.work()

    lookup = case.lookups.get()
    assert (lookup.state, lookup.attempts) == (LookupState.FAILED, 5)
    assert len(source.calls) == 5
    assert lookup.reason == "vt.example broke off"


def test_a_crash_in_a_question_ends_its_lookup_only(source: Answers, caplog: pytest.LogCaptureFixture) -> None:
    source.by_method["reputation"] = lambda *_: 1 / 0
    case = _case("address_reputation")

    lookups.work()

    assert case.lookups.get().state == LookupState.FAILED
    assert "ZeroDivisionError" in caplog.text


def test_a_good_answer_with_a_failed_source_beside_it_is_never_benign(source: Answers) -> None:
    source.by_method["reputation"] = Reputation(harmless=80, checked=90)
    source.by_method["registration"] = SourceRefused("No")
    case = _case("address_reputation", "address_registration")

    lookups.work()

    case.refresh_from_db()
    assert case.cards["where"]["verdict"] == "unknown"
    assert case.cards["where"]["is_marked"]


def test_a_lease_names_the_device_and_its_questions_follow(source: Answers) -> None:
    now = timezone.now()
    source.by_method["lease_at"] = Lease(
        address="10.20.3.14",
        mac="00:00:5e:00:53:01",
        hostname="fin-lt-0142.brightwater.example.",
        starts_at=now,
        ends_at=None,
    )
    source.by_method["find_device"] = DeviceRecord(
        name="FIN-LT-0142", agent_id="a1", owner_login="m.okafor", group="Finance"
    )
    case = _case("device_lease", "device_owner", "person_profile")

    lookups.work()

    case.refresh_from_db()
    assert case.device_name == "FIN-LT-0142"
    assert case.case_devices.get().device.agent_id == "a1"
    assert case.case_people.filter(person__login="m.okafor").exists()
    assert case.lookups.get(question="person_profile").state == LookupState.NO_DATA
    assert case.enrichment["pending"] == 0


def test_a_late_answer_of_an_older_token_changes_nothing(source: Answers) -> None:
    source.by_method["reputation"] = BAD
    case = _case("address_reputation")
    lookup = case.lookups.get()
    Lookup.objects.update(state=LookupState.CLAIMED, token=5, lease_until=timezone.now())
    lookup.token = 4

    with transaction.atomic():
        assert lookups.put([(lookup, lookups.Outcome(LookupState.ANSWERED))]) == []
    assert case.lookups.get().state == LookupState.CLAIMED


def test_a_lost_worker_gives_the_lookup_back_and_five_lost_workers_end_it(source: Answers) -> None:
    case = _case("address_reputation")
    past = timezone.now() - timedelta(seconds=5)
    Lookup.objects.update(state=LookupState.CLAIMED, attempts=1, lease_until=past)

    assert lookups.free_expired() == 1
    assert case.lookups.get().state == LookupState.DUE

    Lookup.objects.update(state=LookupState.CLAIMED, attempts=5, lease_until=past)
    lookups.free_expired()
    assert case.lookups.get().state == LookupState.FAILED
    case.refresh_from_db()
    assert case.enrichment["pending"] == 0


def test_a_person_may_ask_again(source: Answers) -> None:
    source.by_method["reputation"] = SourceRefused("No")
    case = _case("address_reputation")
    lookups.work()
    source.by_method["reputation"] = BAD

    lookups.retry(case, case.lookups.get().pk)
    lookups.work()

    case.refresh_from_db()
    assert case.cards["where"]["verdict"] == "malicious"


def test_the_timeline_says_once_that_the_case_is_complete_and_the_chain_holds(source: Answers) -> None:
    source.by_method["reputation"] = BAD
    case = _case("address_reputation")

    lookups.work()
    lookups.retry(case, case.lookups.get().pk)
    lookups.work()

    said = [entry.text for entry in case.timeline.all() if "complete after" in entry.text]
    assert len(said) == 1
    assert said[0].startswith("1 lookup, complete after ")
    assert timeline.verify(case) is None


def test_what_waits_for_a_source_says_when_it_goes_on(source: Answers) -> None:
    source.by_method["reputation"] = SourceLimited("Later", 60)
    _case("address_reputation")
    lookups.work()

    held = Integration.objects.get().hold_until
    assert duties.left()["next_at"] == held + timedelta(seconds=quotas.EFFECTS_FIRST)
    assert duties.ring_if_due() == 0

    Integration.objects.update(hold_until=timezone.now() - timedelta(seconds=1))
    assert duties.left()["next_at"] > timezone.now()  # the first seconds belong to steps of runs

    Integration.objects.update(hold_until=None)
    assert duties.ring_if_due() == 1
