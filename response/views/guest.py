"""The guests' own pages (Legal, HR): the cases that name them, each in plain words, with what they are asked."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cases.choices import Card
from cases.models import Case
from cases.views.access import reader, visible_case
from response.services import releases
from response.views.circle import mandate_of


@require_GET
def guest(request: HttpRequest) -> HttpResponse:
    """The cases that name the reader, the latest first."""
    user = reader(request)
    named = Case.objects.visible_to(user).filter(members__user=user).order_by("-opened_at")
    return render(request, "response/guest.html", {"section": "guest", "cases": named[:100]})


@require_GET
def guest_case(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them, without the machinery."""
    case, user = visible_case(request, pk), reader(request)
    answers = [(card.label, case.card(card)["headline"]) for card in Card if case.card(card)["headline"]]
    context = {
        "section": "guest",
        **mandate_of(case, user),
        "answers": answers,
        "release": releases.latest(case),
        "notes": case.notes.filter(author=user),
        "may_note": case.members.filter(user=user).exists(),
    }
    return render(request, "response/guest_case.html", context)
