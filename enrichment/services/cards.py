"""The six cards of a case, made from its lookups and findings: for the row of the queue and for the page."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cases.choices import Card, Verdict
from cases.models import Case
from enrichment.choices import PENDING, UNHEARD, LookupState
from enrichment.models import CaseLookup
from enrichment.questions.base import questions

MOST_FACTS = 8  # on the face of a card; the rest stands with its finding
_ASKED = [f"lookup__{name}" for name in ("pk", "question", "connector_name", "state", "reason", "subject")]
_ANSWER = ("verdict", "label", "headline", "facts", "table", "series", "points", "data", "as_of", "is_stale")
_FOUND = [f"lookup__finding__{name}" for name in _ANSWER]
WORST_FIRST = [Verdict.MALICIOUS, Verdict.SUSPICIOUS, Verdict.INFORMATIONAL, Verdict.BENIGN, Verdict.UNKNOWN]


@dataclass(slots=True, kw_only=True)
class FindingView:
    """One lookup with what came of it; plain data for templates and JSON."""

    question: str
    question_label: str
    connector: str
    status: str
    verdict: str = ""
    label: str = ""
    headline: str = ""
    facts: list[dict[str, str]] = field(default_factory=list)
    table: dict[str, Any] = field(default_factory=dict)
    series: dict[str, Any] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    as_of: datetime | None = None
    is_stale: bool = False
    reason: str = ""
    lookup_pk: int = 0
    subject: str = ""

    @property
    def may_retry(self) -> bool:
        return self.status in (LookupState.FAILED, LookupState.REFUSED, LookupState.NO_DATA)


@dataclass(slots=True, kw_only=True)
class CardView:
    """One of the six questions as a page shows it."""

    slug: str
    question: str
    verdict: str = ""
    label: str = ""
    headline: str = ""
    state: str = "none"  # none, waiting, partly, done
    is_marked: bool = False
    facts: list[dict[str, str]] = field(default_factory=list)
    findings: list[FindingView] = field(default_factory=list)

    @property
    def heard(self) -> list[FindingView]:
        """Answers, the one that decided first."""
        return [one for one in self.findings if one.status == LookupState.ANSWERED]

    @property
    def shown(self) -> list[FindingView]:
        """For the page: the first with the card's key facts; what two sources say in the same words is said once."""
        if not self.findings:
            return []
        merged: dict[tuple[str, str], FindingView] = {}
        for one in self.findings:
            key = (one.question, one.headline or f"{one.connector} {one.lookup_pk}")
            if key in merged:
                first = merged[key]
                merged[key] = replace(first, connector=f"{first.connector}, {one.connector}")
            else:
                merged[key] = one
        first, *others = merged.values()
        return [replace(first, facts=self.facts or first.facts), *others]

    @property
    def unheard(self) -> list[FindingView]:
        return [one for one in self.findings if one.status in UNHEARD]

    @property
    def silent(self) -> list[FindingView]:
        """Asked, and the source holds nothing."""
        return [one for one in self.findings if one.status == LookupState.NO_DATA]

    @property
    def sources(self) -> str:
        return ", ".join(dict.fromkeys(one.connector for one in self.heard))

    @property
    def answered(self) -> str:
        done = sum(1 for one in self.findings if one.status not in PENDING)
        return f"{done} of {len(self.findings)}"

    @property
    def as_of(self) -> datetime | None:
        return min((one.as_of for one in self.heard if one.as_of), default=None)

    def on_the_row(self) -> dict[str, Any]:
        """What the queue keeps of it."""
        return {
            "verdict": self.verdict,
            "label": self.label,
            "headline": self.headline,
            "state": self.state,
            "is_marked": self.is_marked,
        }


def views_of(case: Case) -> list[FindingView]:
    """Every lookup of the case, in the order it was asked."""
    return views_by_case([case.pk])[case.pk]


def views_by_case(case_ids: Iterable[int]) -> dict[int, list[FindingView]]:
    """The same for many cases at once, in one query."""
    found: dict[int, list[FindingView]] = {case_id: [] for case_id in case_ids}
    rows = CaseLookup.objects.filter(case__in=found).order_by("pk").values_list("case_id", *_ASKED, *_FOUND)
    for (
        case_id,
        *values,
    ) in rows:  # plain values: models of three tables would cost more than the rest
        found[case_id].append(_view(*values))
    return found


def cards_of(case: Case, views: Iterable[FindingView] | None = None) -> dict[str, CardView]:
    """All six, in the order they are read."""
    by_card: dict[str, list[FindingView]] = {card: [] for card in Card.values}
    for view in views_of(case) if views is None else views:
        if question := questions.get(view.question):
            by_card[question.card].append(view)
    return {card: _card(Card(card), found) for card, found in by_card.items()}


def _card(card: Card, found: list[FindingView]) -> CardView:
    view = CardView(slug=card.value, question=card.label, findings=sorted(found, key=_weight))
    if not found:
        return view
    waiting = sum(1 for one in found if one.status in PENDING)
    view.state = "waiting" if waiting == len(found) else "partly" if waiting else "done"
    view.is_marked = any(one.status in UNHEARD for one in found)
    if heard := view.heard:
        view.verdict, view.label, view.headline = heard[0].verdict, heard[0].label, heard[0].headline
        view.facts = _facts(heard)
    elif not waiting:
        view.verdict = Verdict.UNKNOWN
    if view.is_marked and view.verdict == Verdict.BENIGN:  # silence never reads as clean
        view.verdict, view.label = Verdict.UNKNOWN, "Unknown"
    return view


def _weight(view: FindingView) -> tuple[int, int, int]:
    """Worst verdict first; then the question that says more, the answer that weighs more; else the order of asking."""
    rank = WORST_FIRST.index(Verdict(view.verdict)) if view.verdict else len(WORST_FIRST)
    question = questions.get(view.question)
    weight = sum(abs(one["points"]) for one in view.points)
    return rank, question.order if question else 99, -weight


def _facts(heard: list[FindingView]) -> list[dict[str, str]]:
    """The key facts of the card: each label once, from the finding that speaks first and knows it."""
    found: dict[str, dict[str, str]] = {}
    for view in heard:
        for fact in view.facts:
            if found.get(fact["label"], {"value": "unknown"})["value"] == "unknown":
                found[fact["label"]] = fact
    return list(found.values())[:MOST_FACTS]


def _view(
    pk: int, slug: str, connector: str, status: str, reason: str, subject: dict[str, Any], *finding: Any
) -> FindingView:
    question = questions.get(slug)
    answer = (
        dict(zip(_ANSWER, finding, strict=True)) if status == LookupState.ANSWERED and finding[0] is not None else {}
    )
    return FindingView(
        question=slug,
        question_label=question.label if question else slug,
        connector=connector,
        status=status,
        reason=reason,
        lookup_pk=pk,
        subject=subject.get("value") or subject["host"].get("name") or subject["host"].get("address", ""),
        **answer,
    )
