"""What enrichment found out, written onto the rows of cases, so that a page of the queue reads one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from cases.models import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAnswers:
    """The columns of one case. `cards`, `enrichment` and `risk` as their fields on the model say."""

    case: Case  # locked by the caller
    cards: dict[str, Any]
    enrichment: dict[str, Any]
    risk_score: int | None
    risk: dict[str, Any]
    target_country: str = ""


FIELDS = ["cards", "enrichment", "risk_score", "risk", "target_country", "enriched_at", "updated_at"]


def store(answers: Sequence[CaseAnswers]) -> None:
    """One UPDATE for all. `enriched_at` is set when nothing is pending any more, and stays."""
    now = timezone.now()
    for one in answers:
        case = one.case
        case.cards, case.enrichment = one.cards, one.enrichment
        case.risk_score, case.risk = one.risk_score, one.risk
        case.target_country = one.target_country[:2]
        case.updated_at = now
        if not one.enrichment.get("pending") and not case.is_planning_due:
            case.enriched_at = case.enriched_at or now
    if answers:
        Case.objects.bulk_update([one.case for one in answers], FIELDS)
