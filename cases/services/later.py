"""What a sender brings to an alert of its own after it was taken in: more observables, and the files that it named."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cases.choices import EvidenceKind
from cases.intake.base import NormalObservable
from cases.intake.observables import MAX_OBSERVABLES
from cases.models import Alert, AlertObservable, Case, TimelineEntry
from cases.services import evidence, observables, timeline
from cases.services.inbox import Draft
from cases.services.store import store
from cases.signals import planning_due
from secops.errors import ConflictError, SecopsError


class TooManyError(SecopsError):
    """More observables than one alert may have."""


class NoCaseError(ConflictError):
    """Files came with an alert that has no case to keep them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that came with an alert, in memory."""

    name: str
    media_type: str
    body: bytes


@transaction.atomic
def add_observables(alert: Alert, found: Iterable[NormalObservable]) -> int:
    """Add them to the alert and its case, which is asked about them; how many were new. Safe to repeat.

    TooManyError where the alert would have more of them than one that is sent at once.
    """
    wanted = [replace(one, value=one.value[: observables.MAX_VALUE]) for one in found]
    # observables, then the case, then what hangs on both: the order of the alerts that come in, so that none waits for
    # another in a circle
    ids = observables.ids_of(((one.kind, one.value, one.is_indicator) for one in wanted), at=timezone.now())
    case_id = _locked_case(alert)
    known = set(alert.sightings.values_list("observable_id", "role"))
    fresh = {(ids[one.kind, one.value], one.role): one for one in wanted}
    fresh = {key: fresh[key] for key in sorted(fresh) if key not in known}
    if len(known) + len(fresh) > MAX_OBSERVABLES:
        raise TooManyError(f"An alert has at most {MAX_OBSERVABLES} observables, and {alert.number} has {len(known)}.")
    rows = [AlertObservable(alert=alert, observable_id=pk, role=role) for pk, role in fresh]
    AlertObservable.objects.bulk_create(rows, ignore_conflicts=True)  # another message may bring the same meanwhile
    if fresh and case_id:
        for one in fresh.values():
            observables.attach(case_id, one.kind, one.value, one.role)
        values = ", ".join(one.value for one in fresh.values())
        text = f"{alert.source} adds to {alert.number}: {values}"
        planning_due.send(None, case_ids=[case_id])
        timeline.record(case_id, text, kind=TimelineEntry.Kind.ALERT, who=alert.source, refs={"alert": alert.pk})
    return len(fresh)


@contextmanager
def _delivered(file: SentFile) -> Iterator[Draft]:
    with store().draft(limit=settings.EVIDENCE_ITEM_BYTES) as draft:
        draft.write(file.body)
        draft.finish()
        draft.deliver()
        yield draft


def _locked_case(alert: Alert) -> int | None:
    """The case that the alert has now, locked; asked again under the lock, for it may have moved while we waited."""
    now = Alert.objects.filter(pk=alert.pk).values_list("case_id", flat=True)
    while (case_id := now.get()) is not None:
        Case.objects.select_for_update().only("pk").get(pk=case_id)
        if now.get() == case_id:
            break
    return case_id


def keep_files(alert: Alert, files: Iterable[SentFile], *, found: Iterable[NormalObservable] = ()) -> None:
    """Keep them as evidence of the alert's case, each once however often it is sent, and add what was `found` with
    them: all of it or nothing.

    NoCaseError where there is no case to keep them in: files are never left out without a word.
    """
    with ExitStack() as drafts:  # delivered before the transaction and left after it, as evidence asks
        finished = [(file, drafts.enter_context(_delivered(file))) for file in files]
        with transaction.atomic():
            add_observables(alert, found)
            case_id = _locked_case(alert)
            if case_id is None and finished:
                raise NoCaseError(f"{alert.number} has no case, so its files have no place: none of them was kept.")
            for file, draft in finished:
                assert case_id is not None
                evidence.keep(
                    case_id,
                    draft,
                    kind=EvidenceKind.FILE,
                    title=f"{file.name} of {alert.number}",
                    file_name=file.name,
                    media_type=file.media_type,
                    is_hazardous=True,
                    who=alert.source,
                    source_ref=f"{alert.number}/{draft.sha256}",
                )
