"""The risk of a case: named facts with points, also negative ones, and what is missing."""

from collections.abc import Iterable
from typing import Any

from enrichment.choices import UNHEARD
from enrichment.services.cards import FindingView

CAP = 100


def risk_of(views: Iterable[FindingView]) -> tuple[int | None, dict[str, Any]]:
    """Score 0..100, or None while nothing was answered; reasons link to their finding by question and source.

    The same fact from two sources counts once, with the larger points.
    """
    views = list(views)
    strongest: dict[str, dict[str, Any]] = {}
    for view in views:
        for one in view.points:
            key = one["text"].casefold()
            kept = strongest.get(key)
            if kept is None or abs(one["points"]) > abs(kept["points"]):
                strongest[key] = {**one, "finding": view.lookup_pk, "question": view.question}
    reasons = sorted(strongest.values(), key=lambda one: -one["points"])
    missing = [f"{one.question_label} ({one.connector}): {one.reason}" for one in views if one.status in UNHEARD]
    if not any(view.verdict for view in views):
        return None, {"reasons": [], "missing": missing}
    score = max(0, min(CAP, sum(one["points"] for one in reasons)))
    return score, {"reasons": reasons, "missing": missing}
