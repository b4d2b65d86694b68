"""Who it is, and whether it happened in their working hours, where they work."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.person_profile import PersonProfile, off_hours
from secops.connectors.capabilities.identity import DeviceRecord, PersonRecord
from tests.enrichment.questions.asking import Says, about, ask, fact, points

MAYA = about(SubjectKind.PERSON, "maya.o", "user")


def person(**more: Any) -> PersonRecord:
    return PersonRecord(**({"login": "maya.o", "name": "Maya Okafor", "title": "Controller"} | more))


@pytest.mark.parametrize(
    ("hours", "zone", "moment", "is_off"),
    [
        ("08:00-17:00", "UTC", "2026-03-10T14:12", False),
        ("08:00-17:00", "UTC", "2026-03-10T23:40", True),
        ("08:00-17:00", "Asia/Tokyo", "2026-03-10T14:12", True),  # 23:12 there
        ("08:00-17:00", "Asia/Tokyo", "2026-03-10T23:40", False),  # 08:40 there, the next day
        ("08:00-17:00", "Asia/Tokyo", "2026-03-13T23:40", True),  # Friday here, Saturday there
        ("08:00-17:00", "Europe/Lisbon", "2026-07-06T07:30", False),  # summer time: 08:30
        ("08:00-17:00", "UTC", "2026-03-14T10:00", True),  # a Saturday
        ("22:00-06:00", "UTC", "2026-03-10T23:40", False),
        ("22:00-06:00", "UTC", "2026-03-14T03:00", False),  # Friday's shift
        ("22:00-06:00", "UTC", "2026-03-16T03:00", True),  # would be Sunday's
        ("22:00-06:00", "UTC", "2026-03-10T12:00", True),
        ("", "UTC", "2026-03-10T14:12", None),
        ("flexible", "UTC", "2026-03-10T14:12", None),
        ("08:00-17:00", "Nowhere/Land", "2026-03-10T14:12", None),
    ],
)
def test_working_hours_are_those_of_the_place_where_the_person_works(
    hours: str, zone: str, moment: str, is_off: bool | None
) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert off_hours(person(working_hours=hours, time_zone=zone), at) is is_off


@pytest.mark.parametrize(
    ("record", "label"),
    [
        ({"is_leaver": True, "working_hours": "08:00-17:00"}, "Leaver"),
        ({"is_privileged": True}, "Privileged"),
        ({"working_hours": "18:00-23:00"}, "Off hours"),
    ],
)
def test_what_makes_a_person_a_risk_is_named(record: dict[str, Any], label: str) -> None:
    judgement = ask(PersonProfile, MAYA, find_person=person(**record), devices_of=[])

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, label)
    assert points(judgement) > 0


def test_usual_hours_take_a_little_risk_away() -> None:
    judgement = ask(PersonProfile, MAYA, find_person=person(working_hours="08:00-17:00"), devices_of=[])

    assert (judgement.verdict, judgement.label, points(judgement)) == (Verdict.INFORMATIONAL, "Usual", -3)


def test_a_weekend_is_said_where_the_hours_alone_would_not_explain_it() -> None:
    on_saturday = about(SubjectKind.PERSON, "maya.o", "user", at=datetime(2026, 3, 14, 12, 0, tzinfo=UTC))
    lisbon = person(working_hours="09:00-18:00", time_zone="Europe/Lisbon")

    judgement = ask(PersonProfile, on_saturday, find_person=lisbon, devices_of=[])

    hours = "Monday to Friday, 09:00-18:00 Europe/Lisbon; it was Saturday 12:00 there"
    assert fact(judgement, "Working hours") == hours
    assert judgement.headline.endswith("It happened on a Saturday, outside of their working hours.")


def test_unknown_hours_are_not_called_usual() -> None:
    judgement = ask(PersonProfile, MAYA, find_person=person(), devices_of=[])

    assert (judgement.label, points(judgement)) == ("", 0)
    assert fact(judgement, "Working hours") == "unknown"
    assert judgement.data["is_off_hours"] is None


def test_the_other_devices_are_listed_without_this_one() -> None:
    devices = [DeviceRecord(name="fin-lt-0142"), DeviceRecord(name="FIN-PH-0007")]

    judgement = ask(PersonProfile, MAYA, find_person=person(), devices_of=devices)

    assert judgement.data["other_devices"] == ["FIN-PH-0007"]


def test_an_unknown_account_is_no_answer() -> None:
    assert PersonProfile().ask(Says(find_person=None), MAYA) is None
