"""Pages of enrichment: one card, the risk strip, asking again."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases.choices import Card
from cases.models import Case
from enrichment.services import lookups
from enrichment.services.cards import cards_of, views_of
from secops.access import May, require


@require_GET
def card(request: HttpRequest, pk: int, card: str) -> HttpResponse:
    """One of the six, as a fragment or as a page of its own."""
    case = get_object_or_404(Case.objects.visible_to(request.user), pk=pk)
    if card not in Card.values:
        raise Http404
    is_part = request.headers.get("HX-Request") == "true"
    template = "enrichment/card.html#card" if is_part else "enrichment/card.html"
    return render(request, template, {"case": case, "card": cards_of(case)[card]})


@require_GET
def risk(request: HttpRequest, pk: int) -> HttpResponse:
    """The strip above the cards: score, facts with points, what is missing."""
    case = get_object_or_404(Case.objects.visible_to(request.user), pk=pk)
    return render(request, "enrichment/risk.html", {"case": case, "views": views_of(case)})


@require_POST
def retry(request: HttpRequest, pk: int, lookup: int) -> HttpResponse:
    """Ask one source again."""
    require(request.user, May.WORK)
    case = get_object_or_404(Case.objects.visible_to(request.user), pk=pk)
    lookups.retry(case, get_object_or_404(case.lookups, pk=lookup).pk)
    return redirect("cases:case", case.pk)
