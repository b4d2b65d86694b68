"""What enrichment found out, written onto the rows of cases, so that a page of the queue reads one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from cases.models import Case, TimelineEntry
from cases.services import bulk
from cases.services.timeline import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAnswers:
    """The columns of one case. `cards`, `enrichment` and `risk` as their fields on the model say."""

    case: Case  # locked by the caller
    cards: dict[str, Any]
    enrichment: dict[str, Any]
    risk_score: int | None
    risk: dict[str, Any]
    target_country: str = ""


_ANSWERED = (
    *("id", "cards", "enrichment", "risk_score", "risk", "target_country"),
    *("enriched_at", "is_planning_due", "updated_at", "chain_seq", "chain_head"),
)
_ANSWER = ", ".join(f"{name} = v.{name}" for name in _ANSWERED[1:])


def store(answers: Sequence[CaseAnswers]) -> None:
    """One UPDATE for all. `enriched_at` is set when nothing is pending any more, and stays; the timeline says so."""
    now = timezone.now()
    story: list[TimelineEntry] = []
    for one in answers:
        case = one.case
        case.cards, case.enrichment = one.cards, one.enrichment
        case.risk_score, case.risk = one.risk_score, one.risk
        case.target_country = one.target_country[:2]
        case.updated_at = now
        if not one.enrichment.get("pending") and not case.is_planning_due:
            if case.enriched_at is None:
                story.append(_complete(case, one.enrichment, now))
            case.enriched_at = case.enriched_at or now
    TimelineEntry.objects.bulk_create(story)
    bulk.change(Case, _ANSWERED, [_row(one.case) for one in answers], to=_ANSWER)


def _row(case: Case) -> bulk.Row:
    return (
        *(case.pk, bulk.as_json(case.cards), bulk.as_json(case.enrichment), case.risk_score, bulk.as_json(case.risk)),
        *(case.target_country, case.enriched_at, case.is_planning_due, case.updated_at),
        *(case.chain_seq, case.chain_head),
    )


def _complete(case: Case, counts: dict[str, Any], at: datetime) -> TimelineEntry:
    """The entry that says how the machines fared; the case's head moves with it."""
    unheard = [f"{counts[word]} {word}" for word in ("refused", "failed", "skipped") if counts.get(word)]
    rest = f", {', '.join(unheard)}" if unheard else ""
    asked = counts.get("asked", 0)
    text = f"{asked} lookup{'' if asked == 1 else 's'}, complete after {counts.get('seconds')} s{rest}."
    entry = TimelineEntry(case=case, at=at, kind=TimelineEntry.Kind.ENRICHMENT, who="Nightdesk", text=text)
    head = Head(case.chain_seq, case.chain_head)
    head.append(entry)
    case.chain_seq, case.chain_head = head.seq, head.hash
    return entry
