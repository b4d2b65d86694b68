"""Run an action… from a case: choose one, fill in its parameters, start it."""

from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from cases.choices import Stage
from cases.models import Case, CaseDevice
from cases.views.access import reader, visible_case
from response.actions.base import Action, actions
from response.errors import RunbookError
from response.forms.alone import CONFIRM, form_for
from response.services import alone, drills
from secops.access import May, require


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The list, or with `action` its form; a POST starts a run of this one step."""
    case, user = visible_case(request, pk), reader(request)
    slug = (request.POST if request.method == "POST" else request.GET).get("action", "")
    action = actions.get(slug)
    if slug and action is None:
        raise Http404
    context = {
        "section": "queue",
        "case": case,
        "action": action,
        "offered": [] if action else alone.offered(case),
        "is_escalated": case.stage not in {Stage.NEW, Stage.TRIAGE},
        "request_id": request.POST.get("request_id") or uuid4(),
    }
    if action is None:
        if request.method == "POST":
            raise RunbookError("Choose an action.")
        return render(request, "response/alone.html", context)
    if request.method != "POST":
        context |= {"form": form_for(action, case), "untried": _untried(action, case)}
        return render(request, "response/alone.html", context)
    require(user, May.WORK)
    form = form_for(action, case, request.POST)
    if not form.is_valid():
        return render(request, "response/alone.html", context | {"form": form}, status=422)
    values = dict(form.cleaned_data)
    name = values.pop(CONFIRM, "")
    alone.start(case, slug, values, request_id=_request_id(request), actor=user, device_name=name)
    return redirect("cases:case", case.pk)


def _untried(action: type[Action], case: Case) -> bool:
    """Would a drill be needed first for one of the case's devices?"""
    devices = CaseDevice.objects.filter(case=case).values_list("device_id", flat=True)
    return any(drills.problem(action(), case, {"device": pk}) for pk in devices)


def _request_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        raise RunbookError("The form was not complete. Load the page again.") from None
