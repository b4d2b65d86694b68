"""Pages of enrichment: one card, the risk strip, asking again, what forensic tools found."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases.choices import Card
from cases.models import Case, Evidence
from cases.views.access import reader, visible_case
from cases.views.exhibits import item_of
from enrichment.choices import ExaminationState
from enrichment.services import examinations as services
from enrichment.services import lookups
from enrichment.services.cards import cards_of, views_of
from secops.access import May, require


@require_GET
def card(request: HttpRequest, pk: int, card: str) -> HttpResponse:
    """One of the six, as a fragment or as a page of its own."""
    case = visible_case(request, pk)
    if card not in Card.values:
        raise Http404
    is_part = request.headers.get("HX-Request") == "true"
    template = "enrichment/card.html#card" if is_part else "enrichment/card.html"
    return render(request, template, {"case": case, "card": cards_of(case)[card]})


@require_GET
def risk(request: HttpRequest, pk: int) -> HttpResponse:
    """The strip above the cards: score, facts with points, what is missing."""
    case = visible_case(request, pk)
    return render(request, "enrichment/risk.html", {"case": case, "views": views_of(case)})


@require_POST
def retry(request: HttpRequest, pk: int, lookup: int) -> HttpResponse:
    """Ask one source again."""
    require(request.user, May.WORK)
    case = visible_case(request, pk)
    lookups.retry(case, get_object_or_404(case.lookups, pk=lookup).pk)
    return redirect("cases:case", case.pk)


@require_GET
def examinations(request: HttpRequest, pk: int) -> HttpResponse:
    """All items of the case with what their tools say, as a fragment or as a page of its own."""
    case = visible_case(request, pk)
    by_item = {one.evidence_id: one for one in services.of_case(case)}
    rows = [
        (item, by_item.get(item.pk))
        for item in case.evidence.all()
        if services.can_be_examined(item) or item.pk in by_item
    ]
    is_pending = any(one.is_pending for one in by_item.values())
    context = {"section": "queue", "case": case, "rows": rows, "is_pending": is_pending}
    return render(request, _template(request, "enrichment/examinations.html"), context)


@require_GET
def tools(request: HttpRequest, pk: int, label: str) -> HttpResponse:
    """What the tools found in one item."""
    case, item = _item(request, pk, label)
    return render(request, _template(request, "enrichment/tools.html"), _found(case, item))


@require_POST
def examine(request: HttpRequest, pk: int, label: str) -> HttpResponse:
    """Ask for the tools; they run in a process of their own, never here."""
    require(request.user, May.WORK)
    case, item = _item(request, pk, label)
    services.start(item.pk, actor=reader(request))
    return redirect("cases:evidence_item", case.pk, item.label)


def _item(request: HttpRequest, pk: int, label: str) -> tuple[Case, Evidence]:
    case = visible_case(request, pk)
    return case, item_of(case, label)


def _found(case: Case, item: Evidence) -> dict[str, object]:
    found = list(item.examinations.all())
    ended = not any(one.is_pending or one.state == ExaminationState.DONE for one in found)
    return {
        "section": "queue",
        "case": case,
        "item": item,
        "examinations": found,
        "is_pending": any(one.is_pending for one in found),
        "may_start": ended and services.can_be_examined(item),
    }


def _template(request: HttpRequest, name: str) -> str:
    return f"{name}#panel" if request.headers.get("HX-Request") == "true" else name
