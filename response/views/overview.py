"""The overview of a case, fetched by its tab: the story in short, the damage, who touched what, what happened last."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cases.views.access import reader, visible_case
from response.services.report.build import Wanted, made

LATEST = 12  # entries of the timeline
MOST_ALERTS = 1_000  # of a case that is told on each look


@require_GET
def overview(request: HttpRequest, pk: int) -> HttpResponse:
    """The same values as the report's, which has all the rest."""
    case = visible_case(request, pk)
    if case.alert_count > MOST_ALERTS:  # all of them are read for it
        return render(request, "response/overview.html#large", {"case": case})
    report = made(case, Wanted(by=reader(request)))
    latest = case.timeline.order_by("-seq")[:LATEST]
    return render(request, "response/overview.html", {"case": case, "report": report, "latest": latest})
