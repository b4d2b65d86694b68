"""People: found or made by their strongest key, and their part in a case."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from cases.intake.base import NormalPerson
from cases.intake.gate import clean_text
from cases.models import Case, CasePerson, Person, TimelineEntry
from cases.models.inventory import MAIN_ROLES
from cases.services import identity, timeline
from secops.connectors.capabilities.identity import PersonRecord
from secops.models import User

KEYS = ("directory_id", "sid", "upn", "login")  # strongest first

_SIZES = {"directory_id": 64, "sid": 190, "upn": 254, "login": 150}
_FACTS = {"name": 200, "title": 200, "department": 120, "site": 120, "manager_name": 200, "manager_login": 150}


def keys_of(person: NormalPerson | PersonRecord) -> dict[str, str]:
    """The record's keys in our spelling."""
    found = {
        "directory_id": getattr(person, "directory_id", ""),
        "sid": getattr(person, "sid", ""),
        "upn": person.upn.casefold(),
        "login": person.login.casefold(),
    }
    return {name: clean_text(value)[: _SIZES[name]] for name, value in found.items() if value}


def resolve(records: Sequence[NormalPerson | PersonRecord]) -> list[Person | None]:
    """Find or make the person of each record; None for one without any key. In a transaction."""
    wanted = [keys_of(record) for record in records]
    if not any(wanted):
        return [None] * len(records)
    rows = identity.candidates(Person.objects.all(), KEYS, wanted)
    found: list[Person | None] = []
    for keys in wanted:
        person: Person | None = identity.pick(KEYS, keys, rows) if keys else None
        if person is None and keys:
            person = Person(**keys)
            person.save(force_insert=True)
            rows.append(person)
        elif person is not None and identity.fill(person, keys):
            person.save()
        found.append(person)
    return found


@transaction.atomic
def attach(case_id: int, record: PersonRecord, role: str, *, actor: User | None = None) -> CasePerson:
    """Put a person into a case with a role, or learn more of one that is in it; safe to repeat."""
    case = Case.objects.select_for_update().get(pk=case_id)
    person = resolve([record])[0]
    if person is None:
        raise ValueError("A person needs a login or an id.")
    _learn(person, record)
    part, is_new = CasePerson.objects.get_or_create(case=case, person=person, role=role[:20])
    if is_new and not case.case_people.filter(person=person).exclude(pk=part.pk).exists():
        timeline.record(
            case_id,
            f"{person} belongs to the case ({role.replace('_', ' ')}).",
            kind=TimelineEntry.Kind.PERSON if actor else TimelineEntry.Kind.ENRICHMENT,
            actor=actor,
            refs={"person": person.pk},
        )
    _show(case)
    return part


def _learn(person: Person, record: PersonRecord) -> None:
    for name, size in _FACTS.items():
        if value := getattr(record, name):
            setattr(person, name, clean_text(value)[:size])
    person.manager_login = person.manager_login.casefold()
    person.is_privileged, person.is_leaver = record.is_privileged, record.is_leaver
    person.save()


def _show(case: Case) -> None:
    """The case's row names one person: the owner of its device before who was merely logged on."""
    parts = list(case.case_people.filter(role__in=MAIN_ROLES).select_related("person").order_by("pk"))
    if not parts:
        return
    first = min(parts, key=lambda part: MAIN_ROLES.index(part.role))
    if case.person_name != str(first.person)[:255]:
        Case.objects.filter(pk=case.pk).update(person_name=str(first.person)[:255], updated_at=timezone.now())
