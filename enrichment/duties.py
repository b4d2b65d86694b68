"""What enrichment lends to the ground: work of the queue and the clock, what is left, its part of the case JSON."""

from datetime import datetime
from typing import Any

from django.db.models import Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from cases.models import Case
from enrichment.choices import PENDING, ExaminationState, LookupState
from enrichment.models import Examination, Lookup
from enrichment.services import examinations, pushes
from enrichment.services.cards import CardView, FindingView, cards_of, views_of
from secops import quotas
from secops.apart import Apart
from secops.models import Integration
from secops.taskqueue import ring


def ring_if_due() -> int:
    """For the clock: rows wait that may be asked now, and perhaps no message does."""
    if Case.objects.filter(is_planning_due=True).exists() or None in _askable_at():
        return int(ring("enrichment"))
    return 0


def left() -> dict[str, Any]:
    """How many lookups are pending, and when the next that waits comes due."""
    waiting = Lookup.objects.filter(state__in=PENDING, integration__isnull=False)
    lost = Min("lease_until", filter=Q(state=LookupState.CLAIMED))  # then a dead worker's lookups are free again
    later = waiting.aggregate(not_before=Min("not_before", filter=Q(not_before__gt=Now())), lost=lost)
    times = [at for at in later.values() if at] + [at or timezone.now() for at in _askable_at()]
    return {
        "lookups": waiting.count() + Case.objects.filter(is_planning_due=True).count(),
        "next_at": min(times, default=None),
    }


def _askable_at() -> list[datetime | None]:
    """For each source with due rows, when it may be asked: held or used up sources later, None means now."""
    due = Lookup.objects.due(Now()).filter(integration__is_enabled=True)
    sources = Integration.objects.filter(pk__in=due.order_by().values("integration"))
    return [quotas.next_at(source) for source in sources]


class ExaminationClock(Apart):
    """For the clock: frees what a dead worker held, and starts a process for what is due, one at a time.

    A disk is read for minutes or hours; a worker of the queues is ended after 90 seconds, so it is none of theirs.
    """

    def __init__(self) -> None:
        super().__init__(examinations.is_due, "examine")

    def __call__(self) -> int:
        return examinations.free_expired() + super().__call__()


class PushClock(Apart):
    """For the clock: starts a process that pushes what is due, one at a time, and stays while cases come. An outlet
    that hangs keeps no worker of the queues from answering cases."""

    def __init__(self) -> None:
        super().__init__(pushes.is_due, "push", "--idle", "30")


def examinations_left() -> dict[str, Any]:
    """How many examinations are pending; one that is being read comes due again only when its lease runs out."""
    pending = Examination.objects.filter(state__in=(ExaminationState.DUE, ExaminationState.CLAIMED))
    times = [row.lease_until or timezone.now() for row in pending]
    return {"examinations": len(times), "next_at": min(times, default=None)}


def examinations_section(case: Case) -> dict[str, Any]:
    """The key examinations of the whole-case JSON."""
    return {
        "examinations": [
            {
                "evidence": one.evidence.number,
                "tool": one.tool,
                "state": one.state,
                "reason": one.reason or None,
                "asked_by": one.asked_by,
                "asked_at": one.asked_at.isoformat(),
                "ended_at": one.ended_at.isoformat() if one.ended_at else None,
                "result": one.result or None,
            }
            for one in examinations.of_case(case)
        ]
    }


def case_section(case: Case) -> dict[str, Any]:
    """The keys risk, enrichment and answers of the whole-case JSON (CONTRACTS.md part 2)."""
    cards = cards_of(case, views_of(case))
    risk = case.risk or {"reasons": [], "missing": []}
    return {
        "risk": {
            "score": case.risk_score,
            "reasons": [
                {"points": one["points"], "text": one["text"], "finding": one["question"]} for one in risk["reasons"]
            ],
            "missing": risk["missing"],
        },
        "enrichment": case.enrichment,
        "answers": {slug: _answer(card) for slug, card in cards.items()},
    }


def _answer(card: CardView) -> dict[str, Any]:
    return {
        "verdict": card.verdict,
        "label": card.label,
        "headline": card.headline,
        "facts": [{"label": fact["label"], "value": fact["value"]} for fact in card.facts],
        "findings": [_finding(view) for view in card.findings],
    }


def _finding(view: FindingView) -> dict[str, Any]:
    answered = view.status == LookupState.ANSWERED
    return {
        "question": view.question,
        "connector": view.connector,
        "subject": view.subject,
        "status": view.status,
        "verdict": view.verdict or None,
        "headline": view.headline if answered else view.reason,
        "facts": [{"label": fact["label"], "value": fact["value"]} for fact in view.facts],
        "table": view.table or None,
        "series": view.series or None,
        "data": view.data,
        "as_of": view.as_of.isoformat() if view.as_of else None,
        "stale": view.is_stale,
    }
