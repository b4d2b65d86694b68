"""The queue: cases that wait for a person, with a preview beside them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from cases.choices import Card, Severity
from cases.models import Case
from cases.views.access import reader, visible_case
from cases.views.filters import Asked
from cases.views.rows import risk_class, rows_of
from secops.models import User

COUNT_TO = 1_000  # counts are capped: "1,000+" costs the same on a flood
CARD_ICONS = {
    Card.WHO: "user",
    Card.WHERE: "globe",
    Card.TRAFFIC: "wave",
    Card.DEVICE: "laptop",
    Card.CHANGES: "history",
    Card.FILES: "file",
}


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """The whole page; for HTMX only the preview pane."""
    asked = Asked.of(request.GET)
    if request.headers.get("HX-Request") == "true":
        return render(request, "cases/queue.html#peek", _peek(request, asked, []))
    return render(request, "cases/queue.html", page_of(request, asked))


def page_of(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What the whole page shows; rendering it asks the database nothing more."""
    user = reader(request)
    now = timezone.now()
    cases, cursor = asked.page(user)
    return {
        "section": "queue",
        "asked": asked,
        "rows": rows_of(cases, asked, user),
        "row_ids": ",".join(str(case.pk) for case in cases),
        "next_url": asked.url(after=cursor) if cursor else "",
        "views": _views(asked, user),
        "since": now.isoformat(),
        "card_icons": [(icon, card.label) for card, icon in CARD_ICONS.items()],
        **_peek(request, asked, cases),
    }


def _peek(request: HttpRequest, asked: Asked, cases: list[Case]) -> dict[str, Any]:
    """The pane's case: one of the rows where possible, else one more question."""
    if (wanted := asked.peek) is None:
        return {"peek": None, "close_url": ""}
    case = next((row for row in cases if row.pk == wanted), None) or visible_case(request, wanted)
    answers = [{"card": card, "question": card.label, **case.card(card)} for card in Card]
    return {
        "peek": case,
        "peek_answers": answers,
        "peek_risk_class": risk_class(case.risk_score),
        "close_url": asked.url(peek=None),
        "next": asked.url(peek=None),
    }


def _views(asked: Asked, user: User) -> list[dict[str, Any]]:
    """The tabs over the list with their capped counts, from one question."""
    some = Case.objects.visible_to(user).open().order_by()
    rows = list(some.values_list("assignee_id", "severity")[: COUNT_TO + 1])  # counted here: half the time of SQL
    counts = {
        "all": len(rows),
        "mine": sum(assignee == user.pk for assignee, _ in rows),
        "nobody": sum(assignee is None for assignee, _ in rows),
        "high": sum(severity >= Severity.HIGH for _, severity in rows),
    }
    tabs = [
        ("All open", {}, "all"),
        ("Mine", {"assignee": "me"}, "mine"),
        ("Unassigned", {"assignee": "none"}, "nobody"),
        ("Critical and high", {"sev": "3"}, "high"),
        ("Closed", {"stage": "closed"}, ""),
    ]
    filters = {name: asked.values[name] for name in ("q", "stage", "sev", "assignee") if name in asked.values}
    cleared: dict[str, str | None] = {"q": None, "stage": None, "sev": None, "assignee": None}
    return [
        {
            "label": label,
            "url": asked.url(**{**cleared, **values}),
            "count": _capped(counts[key], is_partial=len(rows) > COUNT_TO) if key else "",
            "is_current": filters == values,
        }
        for label, values, key in tabs
    ]


def _capped(count: int, *, is_partial: bool) -> str:
    """With a plus where only the first thousand open cases were looked at: then each count is a lower bound."""
    return f"{min(count, COUNT_TO):,}{'+' if is_partial else ''}"
