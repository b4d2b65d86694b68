"""What answers name and cases did not know: devices, people, observables; bounded in depth and number."""

from collections.abc import Iterable

from cases.models import Case
from cases.services import devices, observables, people
from enrichment.models import CaseLookup, Lookup
from enrichment.questions.base import Judgement, Pivot
from enrichment.services.calls import Outcome
from secops.connectors.capabilities.identity import DeviceRecord, PersonRecord

MOST_DEPTH = 2
MOST_PIVOTS = 10  # of one answer


def follow(written: Iterable[tuple[Lookup, Outcome]], links: list[CaseLookup]) -> dict[int, int]:
    """Tell the cases of each answer what it named; return {case id: depth} of those to plan again."""
    again: dict[int, int] = {}
    by_lookup: dict[int, list[CaseLookup]] = {}
    for link in links:
        by_lookup.setdefault(link.lookup_id, []).append(link)
    for lookup, outcome in written:
        judgement = outcome.judgement
        if judgement is None:
            if lookup.subject_kind == "lease":  # the address may have to stand for the device
                again |= {link.case_id: link.depth for link in by_lookup.get(lookup.pk, [])}
            continue
        for link in by_lookup.get(lookup.pk, []):
            if _tell(link, lookup, judgement):
                again[link.case_id] = link.depth + 1
    Case.objects.filter(pk__in=again).update(is_planning_due=True)
    return again


def _tell(link: CaseLookup, lookup: Lookup, judgement: Judgement) -> bool:
    for value, verdict in judgement.observable_verdicts.items():
        observables.set_verdict(lookup.subject.get("value_kind") or "ip", value, verdict)
    is_deep = link.depth >= MOST_DEPTH
    for pivot in judgement.pivots[:MOST_PIVOTS]:
        if not is_deep or pivot.kind == "person":  # what is learnt of a person asks nothing new
            _attach(link.case_id, lookup, pivot)
    return bool(judgement.pivots) and not is_deep


def _attach(case_id: int, lookup: Lookup, pivot: Pivot) -> None:
    if pivot.kind == "device":
        record = DeviceRecord(**{"name": pivot.value} | dict(pivot.record))
        devices.attach(case_id, record, address=lookup.subject["host"].get("address", ""))
    elif pivot.kind == "person":
        people.attach(case_id, PersonRecord(**{"login": pivot.value} | dict(pivot.record)), pivot.role)
    else:
        observables.attach(case_id, pivot.kind, pivot.value, pivot.role)
