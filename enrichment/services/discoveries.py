"""What a forensic tool found becomes part of the case: its report, custody, derived evidence, observables, events."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from msgspec import to_builtins

from cases.choices import CustodyAction, EvidenceKind
from cases.intake.gate import mend
from cases.models import Case, Evidence, TimelineEntry
from cases.services import custody, evidence, timeline
from cases.services.described import Acquired
from cases.services.inbox import Draft
from cases.services.store import store
from enrichment.choices import ExaminationState
from enrichment.forensics.report import Carried, Event, Report
from enrichment.forensics.runner import Answer
from enrichment.models import Examination
from enrichment.services import arrivals
from secops.errors import SecopsError
from secops.s3 import StoreAwayError
from secops.taskqueue import ring

SCHEMA = "nightdesk.examination/1"


def held(mine: Examination) -> QuerySet[Examination]:
    """The row while it is ours: a later token belongs to somebody else."""
    return Examination.objects.filter(pk=mine.pk, token=mine.token, state=ExaminationState.CLAIMED)


def write(mine: Examination, answer: Answer) -> None:
    """Everything in one transaction, or nothing: the bytes of recovered files are in the store before it begins."""
    report, item = answer.report, mine.evidence
    new = arrivals.sift(item, report.observables, mine.usual)
    result = {"schema": SCHEMA} | mend(to_builtins(report))[0]
    with ExitStack() as drafts:
        taken, problem = _drafts(answer, drafts)
        with transaction.atomic():
            Case.objects.select_for_update().only("pk").get(pk=item.case_id)
            ended = {"ended_at": timezone.now(), "lease_until": None, "reason": ""}
            if not held(mine).update(state=ExaminationState.DONE, **ended):
                return
            item = custody.locked(item.pk)
            _tell(item, mine, report, new)
            derived = [number for one, draft in taken if (number := _keep(item, report, one, draft))]
            if problem or len(derived) < len(report.carried):
                why = problem or "There is no room for more evidence of this case."
                result["limits"] = [*result["limits"], f"Not all recovered files were kept. {why}"]
            arrivals.attach(item, new)
            _events(item, mine, report)
            Examination.objects.filter(pk=mine.pk).update(result=result | {"derived": derived})
            Case.objects.filter(pk=item.case_id).update(is_unread=True)
            ring("enrichment")  # new hashes and destinations are planned for


def give_up(mine: Examination, state: ExaminationState, reason: str) -> None:
    """No report: the row says why, and the chain says that the bytes were read."""
    with transaction.atomic():
        Case.objects.select_for_update().only("pk").get(pk=mine.evidence.case_id)
        reason = mend(reason)[0][:500]
        if not held(mine).update(state=state, reason=reason, ended_at=timezone.now(), lease_until=None):
            return
        item = Evidence.objects.get(pk=mine.evidence_id)
        if state == ExaminationState.FAILED and not item.destroyed_at:
            why = f"Examined read-only for {mine.asked_by}; no report"
            custody.append(item, CustodyAction.VIEWED, actor=None, tool=mine.get_tool_display(), reason=why)
        custody.say(item, f"{item.number} could not be examined: {reason}", None)


def _drafts(answer: Answer, drafts: ExitStack) -> tuple[list[tuple[Carried, Draft]], str]:
    """Recovered files on the disk, hashed on the way; when there is no room, those that fit, and why."""
    taken: list[tuple[Carried, Draft]] = []
    for one, chunks in answer.carried():
        try:
            draft = drafts.enter_context(store().draft(limit=one.size))
            for chunk in chunks:
                draft.write(chunk)
            draft.finish()
            draft.deliver()
        except StoreAwayError:  # examined again, all of it is found again
            raise
        except SecopsError as error:
            return taken, str(error)
        taken.append((one, draft))
    return taken, ""


def _tell(item: Evidence, mine: Examination, report: Report, new: arrivals.Arrivals) -> None:
    why = f"Examined read-only for {mine.asked_by}"
    with_tool = {"tool": report.tool, "tool_version": report.version}
    custody.append(item, CustodyAction.VIEWED, actor=None, reason=why, **with_tool)
    facts = "; ".join(f"{fact.label}: {fact.value}" for fact in report.facts[:4])
    count = len(report.notable)
    noted = f"{count} thing{'' if count == 1 else 's'} to look at" if count else "nothing that stands out"
    said = [f"{item.number} examined with {report.tool} {report.version}: {noted}", facts, new.said()]
    text = ". ".join(part for part in said if part)
    timeline.record(
        item.case_id,
        text,
        kind=TimelineEntry.Kind.ENRICHMENT,
        refs={"evidence": item.number, "examination": mine.pk},
    )


def _keep(item: Evidence, report: Report, one: Carried, draft: Draft) -> str:
    """A recovered file as an item of its own; empty when a quota has no room for it."""
    acquired = Acquired(
        acquired_at=timezone.now(),
        acquired_by=custody.MACHINE,
        acquired_from=f"{item.number}: {one.name}"[-300:],
        tool=report.tool,
        tool_version=report.version,
        source_sha256=one.sha256,
    )
    name = one.name.rpartition("/")[2]
    try:
        added = evidence.keep(
            item.case_id,
            draft,
            kind=EvidenceKind.FILE,
            title=f"Deleted file of {item.number}: {name}"[:200],
            file_name=name,
            acquired=acquired,
            original=item,
            is_sealed=True,
        )
    except SecopsError:
        return ""
    return added.number


def _events(item: Evidence, mine: Examination, report: Report) -> None:
    """The attacker's lane: times of the item's own clock, corrected by the offset that its acquirer measured."""
    refs: dict[str, Any] = {"evidence": item.number, "examination": mine.pk}
    for event in report.events:
        timeline.record(
            item.case_id,
            f"{event.text} [{item.number}]",
            kind=TimelineEntry.Kind.ATTACKER,
            who=f"{report.tool} {report.version}",
            refs=refs,
            occurred_at=_when(event, item),
        )


def _when(event: Event, item: Evidence) -> datetime:
    from_source = datetime.fromisoformat(event.at)
    return from_source - timedelta(seconds=item.clock_offset_seconds or 0)
