"""Which lookups a case gets, and which it never sends."""

from datetime import datetime, timedelta

import pytest

from cases.choices import Tlp
from cases.models import Case
from cases.services import observables
from enrichment.choices import LookupState
from enrichment.models import KindQuestion, Lookup
from enrichment.services import planning
from enrichment.services.cards import views_of
from secops import integrations
from secops.models import Integration
from tests.enrichment.conftest import Answers
from tests.factories import make_alert, make_case, make_kind


def _planned(case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(is_planning_due=True)
    planning.plan_due()


def _case_with_address(**fields: object) -> Case:
    case = make_case(**fields)
    make_alert(case, src_ip="10.20.3.14", dst_ip="203.0.113.44", dst_port=443)
    observables.attach(case.pk, "ip", "203.0.113.44", "destination")
    return case


def test_an_address_is_asked_about_and_the_lease_of_the_inside_end(source: Answers) -> None:
    case = _case_with_address()

    _planned(case)

    asked = set(case.lookups.values_list("question", flat=True))
    assert {"device_lease", "address_place", "address_reputation", "address_hosting"} <= asked
    assert "file_reputation" not in asked
    case.refresh_from_db()
    assert not case.is_planning_due
    assert case.enrichment["pending"] > 0
    assert case.cards["where"]["state"] == "waiting"


def test_two_cases_about_one_address_share_their_lookups(source: Answers) -> None:
    first, second = _case_with_address(), _case_with_address()
    Case.objects.filter(pk=second.pk).update(first_alert_at=first.first_alert_at)

    _planned(first)
    before = Lookup.objects.filter(question="address_reputation").count()
    _planned(second)

    assert before == 1
    assert Lookup.objects.filter(question="address_reputation").count() == 1
    assert second.lookups.filter(question="address_reputation").exists()


def test_planning_again_asks_nothing_twice(source: Answers) -> None:
    case = _case_with_address()
    _planned(case)
    before = Lookup.objects.count()

    _planned(case)

    assert Lookup.objects.count() == before


def test_a_kind_with_questions_asks_only_those(source: Answers) -> None:
    kind = make_kind()
    KindQuestion.objects.create(kind=kind, question="address_place")
    case = _case_with_address(kind=kind)

    _planned(case)

    assert set(case.lookups.values_list("question", flat=True)) == {"address_place"}


def test_a_source_is_not_told_more_than_its_tlp(source: Answers) -> None:
    Integration.objects.update(max_tlp=Tlp.GREEN)
    case = _case_with_address(tlp=Tlp.RED)

    _planned(case)

    lookup = case.lookups.get(question="address_reputation")
    assert lookup.state == LookupState.SKIPPED
    assert "RED" in lookup.reason


def test_what_no_source_can_answer_is_named_and_never_reads_as_clean(db: None) -> None:
    Integration.objects.all().delete()
    case = _case_with_address()

    _planned(case)

    case.refresh_from_db()
    lookup = case.lookups.get(question="address_reputation")
    assert (lookup.state, lookup.connector_name) == (LookupState.SKIPPED, "not set up")
    assert case.cards["where"]["verdict"] == "unknown"
    assert case.cards["where"]["is_marked"]
    assert any("not set up" in text for text in case.risk["missing"])
    assert case.enrichment["pending"] == 0
    assert case.enriched_at


@pytest.mark.parametrize("is_restricted", [True, False])
def test_restricted_cases_ask_inside_sources_only(
    source: Answers, monkeypatch: pytest.MonkeyPatch, is_restricted: bool
) -> None:
    monkeypatch.setattr("tests.enrichment.conftest.AskedSource.is_local", False)
    case = _case_with_address(is_restricted=is_restricted)

    _planned(case)

    state = case.lookups.get(question="address_reputation").state
    assert state == (LookupState.SKIPPED if is_restricted else LookupState.DUE)


def test_two_minutes_of_one_hour_do_not_share_a_lease(source: Answers) -> None:
    first, second = _case_with_address(), _case_with_address()
    hour = first.first_alert_at.replace(minute=5)
    Case.objects.filter(pk=first.pk).update(first_alert_at=hour)
    first.alerts.update(detected_at=hour)
    Case.objects.filter(pk=second.pk).update(first_alert_at=hour.replace(minute=55))
    second.alerts.update(detected_at=hour.replace(minute=55))

    _planned(first)
    _planned(second)

    assert first.lookups.get(question="device_lease") != second.lookups.get(question="device_lease")


def test_a_lease_is_asked_for_the_minute_of_the_alert_that_named_the_address(source: Answers) -> None:
    case = _case_with_address()
    later = case.first_alert_at + timedelta(hours=9)
    make_alert(case, src_ip="10.20.3.77", dst_ip="203.0.113.44", detected_at=later)

    _planned(case)

    lease = case.lookups.get(question="device_lease", subject__value="10.20.3.77")
    assert datetime.fromisoformat(lease.subject["at"]) == later


def test_many_observables_leave_no_room_unsaid_and_do_not_crowd_out_who_it_was(source: Answers) -> None:
    case = _case_with_address()
    for number in range(5):
        observables.attach(case.pk, "ip", f"198.51.100.{number + 1}", "destination")
        observables.attach(case.pk, "domain", f"d{number}.example", "destination")
        observables.attach(case.pk, "hash_sha256", f"{number + 1}" * 64, "file")
    integrations.add("asked-source", "Second", {})
    integrations.add("asked-source", "Third", {})

    _planned(case)

    sent = case.lookups.exclude(state=LookupState.SKIPPED)
    assert sent.count() == planning.MOST_LOOKUPS
    assert sent.filter(question="device_lease").count() == 3
    assert sent.filter(subject_kind="case").count() == 2
    left_out = case.lookups.filter(state=LookupState.SKIPPED)
    assert left_out.exists()
    assert "at most" in left_out[0].reason
    case.refresh_from_db()
    assert any("at most" in text for text in case.risk["missing"])


def test_a_restricted_case_tells_its_address_to_no_outside_geo_or_list_service(
    source: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.enrichment.conftest.AskedSource.is_local", False)
    case = _case_with_address(is_restricted=True)

    _planned(case)

    states = case.lookups.filter(question__in=["address_place", "address_hosting"]).values_list("state", flat=True)
    assert set(states) == {LookupState.SKIPPED}


def test_a_name_of_a_hundred_characters_fits(source: Answers) -> None:
    Integration.objects.update(name="x" * 100)
    case = _case_with_address()

    _planned(case)

    Lookup(**{"connector_name": "x" * 100}).clean_fields(
        exclude=[field.name for field in Lookup._meta.fields if field.name != "connector_name"]
    )
    assert case.lookups.filter(connector_name="x" * 100).exists()


def test_lookups_are_inserted_in_one_order_and_shown_in_the_order_of_asking(source: Answers) -> None:
    """Two workers that plan cases with the same observables in another order never wait for each other."""
    case = _case_with_address()
    observables.attach(case.pk, "ip", "198.51.100.1", "destination")
    observables.attach(case.pk, "ip", "198.51.100.2", "destination")

    _planned(case)

    inserted = list(Lookup.objects.order_by("pk").values_list(*planning.UNIQUE))
    assert inserted == sorted(inserted)
    places = [view.subject for view in views_of(case) if view.question == "address_place"]
    assert places == ["203.0.113.44", "198.51.100.1", "198.51.100.2"]
