"""Evidence that is on its way: what the tab of evidence shows above the items that are here."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRefresh

from cases.views.access import visible_case
from response.actions.acquisition import Acquire
from response.actions.base import actions
from response.choices import StepState
from response.models import StepRun
from response.views.long_work import Progress, progress_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    step: StepRun
    progress: Progress | None


@require_GET
def collecting(request: HttpRequest, pk: int) -> HttpResponse:
    """A fragment that looks again while something comes in, and has the page loaded anew when nothing does any more."""
    case = visible_case(request, pk)
    slugs = [action.slug for action in actions if issubclass(action, Acquire)]
    under_way = StepRun.objects.filter(run__case=case, state=StepState.POLLING, action__in=slugs)
    rows = [Row(step=step, progress=progress_of(step)) for step in under_way.select_related("run").order_by("pk")]
    is_part = request.headers.get("HX-Request") == "true"
    if is_part and not rows and request.GET.get("was") == "1":
        return HttpResponseClientRefresh()
    name = "response/collecting.html#collecting" if is_part else "response/collecting.html"
    return render(request, name, {"case": case, "rows": rows, "section": "queue"})
