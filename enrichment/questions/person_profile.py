"""Who is this person, and what else do they use?"""

from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Pivot, Points, Question, Subject, questions
from secops.connectors.capabilities.identity import DeviceRecord, Directory, PersonRecord


@questions.register
class PersonProfile(Question):
    """Role, manager, working hours against the event's time, leaver or privileged, the other devices."""

    slug = "person_profile"
    label = "Who is this, and what else do they use?"
    card = Card.WHO
    subject = SubjectKind.PERSON
    capability = "directory"
    order = 10

    def ask(self, connector: Directory, subject: Subject) -> Judgement | None:
        person = connector.find_person(subject.value)
        if person is None:
            return None
        others = [one for one in connector.devices_of(person.login) if one.name.upper() != subject.host.name.upper()]
        is_off = off_hours(person, subject.at)
        label, points = _weighed(person, is_off)
        verdict = Verdict.SUSPICIOUS if points and points[0].points > 0 else Verdict.INFORMATIONAL
        return Judgement(
            verdict=verdict,
            label=label,
            headline=_headline(person, is_off, subject.at),
            facts=_facts(person, others, is_off, subject.at),
            points=points,
            pivots=[Pivot(kind="person", value=person.login, role="owner", record=_known(person))],
            data={
                "login": person.login,
                "name": person.name,
                "title": person.title,
                "department": person.department,
                "manager": person.manager_name,
                "other_devices": sorted(one.name for one in others),
                "is_leaver": person.is_leaver,
                "is_privileged": person.is_privileged,
                "is_off_hours": is_off,
            },
        )


def off_hours(person: PersonRecord, at: datetime) -> bool | None:
    """Is the moment outside of the person's working hours, where they work? None when the directory does not say."""
    begin, _, end = person.working_hours.partition("-")
    try:
        local = _local(person, at)
        hours = [datetime.strptime(part.strip(), "%H:%M").time() for part in (begin, end)]  # noqa: DTZ007 - a time of day
    except (ValueError, ZoneInfoNotFoundError):
        return None
    if hours[0] <= hours[1]:
        return local.weekday() >= 5 or not hours[0] <= local.time() <= hours[1]
    is_morning = local.time() <= hours[1]  # of a shift that began the day before
    began = local.weekday() - 1 if is_morning else local.weekday()
    return began % 7 >= 5 or not (is_morning or local.time() >= hours[0])


def _local(person: PersonRecord, at: datetime) -> datetime:
    """The moment where the person works."""
    return at.astimezone(ZoneInfo(person.time_zone or "UTC"))


def _weighed(person: PersonRecord, is_off: bool | None) -> tuple[str, list[Points]]:
    if person.is_leaver:
        return "Leaver", [Points(points=12, text=f"{person.name} is about to leave")]
    if person.is_privileged:
        return "Privileged", [Points(points=8, text=f"{person.name} has privileged rights")]
    if is_off:
        return "Off hours", [Points(points=6, text="outside of working hours")]
    if is_off is None:
        return "", []
    return "Usual", [Points(points=-3, text="within working hours")]


def _headline(person: PersonRecord, is_off: bool | None, at: datetime) -> str:
    who = ", ".join(part for part in (person.name or person.login, person.title, person.site) if part)
    leaver = " Marked as a leaver." if person.is_leaver else ""
    if is_off is None:
        return f"{who}.{leaver}"
    day = f"on a {_local(person, at):%A}, " if is_off and _local(person, at).weekday() >= 5 else ""
    return f"{who}.{leaver} It happened {day}{'outside of' if is_off else 'within'} their working hours."


def _facts(person: PersonRecord, others: list[DeviceRecord], is_off: bool | None, at: datetime) -> list[Fact]:
    hours = f"{person.working_hours} {person.time_zone}" if person.working_hours else "unknown"
    if is_off is not None:  # else nobody could read them
        hours = f"Monday to Friday, {hours}; it was {_local(person, at):%A %H:%M} there"
    return [
        Fact(label="Account", value=f"{person.login}{', privileged' if person.is_privileged else ', not privileged'}"),
        Fact(label="Department", value=person.department or "unknown"),
        Fact(label="Manager", value=person.manager_name or "unknown"),
        Fact(label="Working hours", value=hours, verdict="suspicious" if is_off else ""),
        Fact(label="Other devices", value=", ".join(one.name for one in others) or "none"),
    ]


def _known(person: PersonRecord) -> dict[str, object]:
    return {name: value for name, value in asdict(person).items() if value}
