"""After lookups changed: weigh what is complete, and write cards, counts and risk onto the rows of their cases."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases.models import Case
from cases.services import answers
from cases.services.answers import CaseAnswers
from enrichment.choices import PENDING, LookupState, SubjectKind
from enrichment.models import Finding, Lookup
from enrichment.questions.base import Judgement, Subject, questions
from enrichment.services import pushes
from enrichment.services.cards import FindingView, cards_of, views_by_case, views_of
from enrichment.services.cleaning import cleaned
from enrichment.services.risk import risk_of

logger = logging.getLogger(__name__)
CRASHED = "The question could not be worked out; see the log."
COUNTED = (
    LookupState.ANSWERED,
    LookupState.NO_DATA,
    LookupState.REFUSED,
    LookupState.FAILED,
    LookupState.SKIPPED,
)
FIELDS = [field.name for field in Finding._meta.concrete_fields if field.name not in ("id", "lookup")]


@transaction.atomic(savepoint=False)
def settle(case_ids: Iterable[int]) -> None:
    """Bring the rows of these cases up to date."""
    settle_locked(locked(case_ids))


def locked(case_ids: Iterable[int]) -> list[Case]:
    """The cases, locked in order of id before anything is written to them: no two workers wait in a ring."""
    return list(Case.objects.select_for_update().filter(pk__in=set(case_ids)).order_by("pk"))


def settle_locked(cases: list[Case]) -> None:
    """The same for cases that this transaction has locked, as their rows stand now."""
    found = views_by_case([case.pk for case in cases])
    answers.store([_answers(case, _weighed(case, found[case.pk])) for case in cases])
    pushes.note(cases)


def _weighed(case: Case, views: list[FindingView]) -> list[FindingView]:
    """Questions over the findings are answered when nothing else is pending, and again when more came."""
    asked = [view for view in views if _is_own(view)]
    if not asked or case.is_planning_due or any(view.status in PENDING for view in views if not _is_own(view)):
        return views
    findings: list[Mapping[str, Any]] = [_plain(view) for view in views if not _is_own(view)]
    for view in asked:
        lookup = Lookup.objects.get(pk=view.lookup_pk)
        judgement, state, reason = _weigh(view.question, findings, Subject.from_plain(lookup.subject))
        keep([(lookup, judgement)])
        Lookup.objects.filter(pk=lookup.pk).update(state=state, reason=reason, ended_at=timezone.now())
    return views_of(case)


def _weigh(slug: str, findings: list[Mapping[str, Any]], subject: Subject) -> tuple[Judgement | None, LookupState, str]:
    """A question that crashes over the findings fails alone; the case and what else it asked go on."""
    try:
        judgement = questions[slug]().weigh(findings, subject)
        judgement = judgement and cleaned(judgement)
    except Exception:
        logger.exception("The question %s crashed over the findings of a case", slug)
        return None, LookupState.FAILED, CRASHED
    return judgement, LookupState.ANSWERED if judgement else LookupState.NO_DATA, ""


def keep(judged: Iterable[tuple[Lookup, Judgement | None]]) -> None:
    """Write what questions made of answers; an older finding of the same lookup gives way."""
    judged = list(judged)
    if silent := [lookup.pk for lookup, judgement in judged if judgement is None]:
        Finding.objects.filter(lookup__in=silent).delete()
    Finding.objects.bulk_create(
        [_finding(lookup, judgement) for lookup, judgement in judged if judgement],
        update_conflicts=True,
        unique_fields=["lookup"],
        update_fields=FIELDS,
    )


def _finding(lookup: Lookup, judgement: Judgement) -> Finding:
    facts = [{"label": fact.label, "value": fact.value, "verdict": fact.verdict} for fact in judgement.facts]
    return Finding(
        lookup=lookup,
        card=questions[lookup.question].card,
        verdict=judgement.verdict,
        label=judgement.label[:60],
        headline=judgement.headline[:400],
        facts=facts,
        table={"columns": judgement.columns, "rows": judgement.rows} if judgement.rows else {},
        series=judgement.series,
        points=[{"points": one.points, "text": one.text} for one in judgement.points],
        data=judgement.data,
        as_of=judgement.as_of or timezone.now(),
    )


def _answers(case: Case, views: list[FindingView]) -> CaseAnswers:
    counts = Counter(view.status for view in views)
    pending = sum(counts[state] for state in PENDING)
    ended = None
    if not pending and not case.is_planning_due:
        ended = case.enriched_at or timezone.now()
    enrichment: dict[str, Any] = {"asked": len(views)} | {str(state): counts[state] for state in COUNTED}
    enrichment |= {
        "pending": pending,
        "seconds": round((ended - case.opened_at).total_seconds(), 2) if ended else None,
    }
    score, risk = risk_of(views)
    cards = {slug: card.on_the_row() for slug, card in cards_of(case, views).items()}
    return CaseAnswers(
        case=case,
        cards=cards,
        enrichment=enrichment,
        risk_score=score,
        risk=risk,
        target_country="" if "\\" in case.target else _country(views) or case.target_country,
    )


def _country(views: list[FindingView]) -> str:
    """Of the target: the place of an address that the alert itself named comes first, as it was asked first."""
    return next((str(view.data["country"]) for view in views if view.data.get("country")), "")


def _is_own(view: FindingView) -> bool:
    question = questions.get(view.question)
    return bool(question and question.subject == SubjectKind.CASE)


def _plain(view: FindingView) -> dict[str, Any]:
    question = questions.get(view.question)
    return {
        "question": view.question,
        "connector": view.connector,
        "subject": view.subject,
        "card": str(question.card) if question else "",
        "verdict": view.verdict,
        "status": view.status,
        "headline": view.headline,
        "data": view.data,
    }
