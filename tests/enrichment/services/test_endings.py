"""No lookup waits for ever, and one bad source or answer spoils no other."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.models import Case
from cases.services import observables
from enrichment.choices import LookupState
from enrichment.models import KindQuestion, Lookup
from enrichment.services import lookups, orphans, planning
from enrichment.services.settling import settle
from secops import integrations
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.capabilities.places import Place, Reputation
from secops.connectors.capabilities.traffic import Flow
from secops.http import HttpError
from secops.models import Integration
from tests.enrichment.conftest import Answers
from tests.factories import make_alert, make_case, make_kind

BAD = Reputation(malicious=9, checked=90, families=["Marrowlink"])
pytestmark = pytest.mark.django_db(transaction=True)


def _case(*questions: str, **fields: object) -> Case:
    kind = make_kind()
    for question in questions:
        KindQuestion.objects.create(kind=kind, question=question)
    case = make_case(kind=kind, is_planning_due=True, **fields)
    make_alert(case, src_ip="10.20.3.14", dst_ip="203.0.113.44", dst_port=443)
    observables.attach(case.pk, "ip", "203.0.113.44", "destination")
    planning.plan_due()
    return case


def test_a_source_whose_secrets_cannot_be_read_stops_no_other(source: Answers) -> None:
    source.by_method["reputation"] = BAD
    broken = integrations.add("asked-source", "A broken one", {})
    Integration.objects.filter(pk=broken.pk).update(secrets={"key": "0badc0de:nothing"})
    case = _case("address_reputation")

    lookups.work()

    assert case.lookups.get(connector_name="Source").state == LookupState.ANSWERED
    lost = case.lookups.get(connector_name="A broken one")
    assert lost.state == LookupState.FAILED
    assert "0badc0de" in lost.reason
    case.refresh_from_db()
    assert case.enrichment["pending"] == 0


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_lookup_whose_source_is_gone_or_switched_off_ends(source: Answers, is_removed: bool) -> None:
    case = _case("address_reputation")
    if is_removed:
        integrations.remove(Integration.objects.get())
    else:
        Integration.objects.update(is_enabled=False)

    assert orphans.end_orphans() == 1

    assert case.lookups.get().state == LookupState.FAILED
    case.refresh_from_db()
    assert case.enrichment["pending"] == 0
    assert case.cards["where"]["verdict"] == "unknown"
    assert orphans.end_orphans() == 0


def test_a_question_over_findings_is_no_orphan(source: Answers) -> None:
    case = _case("address_reputation", "beacon_judged")

    assert orphans.end_orphans() == 0
    assert case.lookups.get(question="beacon_judged").state == LookupState.DUE


def test_signs_that_no_database_stores_are_replaced_in_an_answer(source: Answers) -> None:
    source.by_method["locate"] = Place(country="NL", city="A\0B\ud800C", owner="Hosting\0")
    case = _case("address_place")

    lookups.work()

    finding = case.lookups.get().finding
    assert "A\ufffdB\ufffdC" in finding.headline
    assert finding.data["owner"] == "Hosting\ufffd"


def test_connections_in_one_instant_are_written_too(source: Answers) -> None:
    now = timezone.now()
    flow = Flow(
        at=now, seconds=1, device="LT", peer="203.0.113.44", peer_port=443, proto="tcp", bytes_out=1, bytes_in=1
    )
    source.by_method["connections"] = [flow, flow, flow]
    source.by_method["talkers"] = ["LT"]
    source.by_method["lease_at"] = None
    case = _case("device_lease", "traffic_pattern")

    lookups.work()

    assert case.lookups.get(question="traffic_pattern").state == LookupState.ANSWERED


def test_an_answer_that_cannot_be_written_fails_alone(
    source: Answers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source.by_method["locate"] = Place(country="NL")
    source.by_method["reputation"] = BAD

    def refuse(*args: object) -> None:
        raise ValueError("too long")

    monkeypatch.setattr("enrichment.services.pivots.observables.set_verdict", refuse)
    case = _case("address_reputation", "address_place")

    lookups.work()

    assert case.lookups.get(question="address_place").state == LookupState.ANSWERED
    assert case.lookups.get(question="address_reputation").state == LookupState.FAILED
    assert "too long" in caplog.text


def test_a_crash_over_the_findings_ends_that_question_only(
    source: Answers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source.by_method["reputation"] = BAD
    monkeypatch.setattr("enrichment.questions.beacon_judged.BeaconJudged.weigh", lambda *_: 1 / 0)
    case = _case("address_reputation", "beacon_judged")

    lookups.work()

    case.refresh_from_db()
    assert case.lookups.get(question="beacon_judged").state == LookupState.FAILED
    assert case.enrichment["pending"] == 0
    assert case.cards["traffic"]["is_marked"]
    settle([case.pk])


@pytest.mark.parametrize("seconds", [float("inf"), 1e18])
def test_a_source_cannot_ask_to_be_left_alone_for_ever(source: Answers, seconds: float) -> None:
    source.by_method["reputation"] = SourceLimited("Later", seconds)
    _case("address_reputation")

    lookups.work()

    hold_until = Integration.objects.get().hold_until
    assert hold_until
    assert hold_until <= timezone.now() + timedelta(days=1)


def test_a_fault_with_a_far_retry_after_is_tried_within_a_day(source: Answers) -> None:
    source.by_method["reputation"] = HttpError("vt.example answered 500", status=500, retry_after=1e18)
    case = _case("address_reputation")

    lookups.work()

    not_before = case.lookups.get().not_before
    assert not_before
    assert not_before <= timezone.now() + timedelta(days=1)


def test_a_case_that_became_restricted_tells_nothing_more_to_outside_sources(
    source: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.enrichment.conftest.AskedSource.is_local", False)
    case = _case("address_reputation")
    Case.objects.filter(pk=case.pk).update(is_restricted=True)

    lookups.work()

    assert source.calls == []
    assert case.lookups.get().state == LookupState.SKIPPED
    case.refresh_from_db()
    assert case.enrichment["pending"] == 0


def test_a_case_whose_tlp_rose_is_not_sent(source: Answers) -> None:
    Integration.objects.update(max_tlp=2)
    case = _case("address_reputation", tlp=2)
    Case.objects.filter(pk=case.pk).update(tlp=4)

    lookups.work()

    assert source.calls == []
    assert case.lookups.get().state == LookupState.SKIPPED


def test_what_failed_for_one_case_is_asked_again_for_a_later_one(source: Answers) -> None:
    source.by_method["reputation"] = BAD
    first = _case("address_reputation")
    Lookup.objects.update(
        state=LookupState.FAILED, attempts=5, reason="broke off", ended_at=timezone.now() - timedelta(minutes=10)
    )
    second = _case("address_reputation", first_alert_at=first.first_alert_at)

    lookups.work()

    assert second.lookups.get().state == LookupState.ANSWERED
    first.refresh_from_db()
    assert first.cards["where"]["verdict"] == "malicious"


def test_a_refusal_is_shared_within_its_time(source: Answers) -> None:
    source.by_method["reputation"] = SourceRefused("No")
    first = _case("address_reputation")
    lookups.work()
    second = _case("address_reputation", first_alert_at=first.first_alert_at)
    lookups.work()

    assert second.lookups.get().state == LookupState.REFUSED
    assert len(source.calls) == 1
