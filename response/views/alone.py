"""Run an action… from a case: choose one, fill in its parameters, start it; over the page, or on one of its own."""

from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from cases.choices import Stage
from cases.models import Case, CaseDevice
from cases.views.access import reader, visible_case
from response.actions.base import Action, actions
from response.actions.targets import OF_CASE
from response.errors import RunbookError
from response.forms.alone import CONFIRM, REASON, form_for
from response.services import alone, drills
from secops.access import May, require

TEMPLATE = "response/alone.html"


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The list, or with `action` its form; a POST starts a run of this one step."""
    case, user = visible_case(request, pk), reader(request)
    is_sent = request.method == "POST"
    slug = (request.POST if is_sent else request.GET).get("action", "")
    action = actions.get(slug)
    if slug and action is None:
        raise Http404
    if action is None:
        if is_sent:
            raise RunbookError("Choose an action.")
        context = {"section": "queue", "case": case, "is_escalated": _is_escalated(case)}
        return render(request, TEMPLATE, context | {"offered": alone.offered(case)})
    if not is_sent:
        chosen = _chosen(action, case, request.GET)
        form = form_for(action, case, chosen=chosen)
        context = _context(request, action, case, chosen) | {"form": form}
        return render(request, f"{TEMPLATE}{_part(request)}", context)
    require(user, May.WORK)
    form = form_for(action, case, request.POST)
    if not form.is_valid():
        context = _context(request, action, case, _chosen(action, case, request.POST)) | {"form": form}
        return render(request, f"{TEMPLATE}{'#form' if _is_part(request) else ''}", context, status=422)
    values = dict(form.cleaned_data)
    name, reason = values.pop(CONFIRM, ""), values.pop(REASON, "")
    alone.start(case, slug, values, request_id=_request_id(request), actor=user, device_name=name, reason=reason)
    where = reverse("cases:case", args=[case.pk])
    return HttpResponseClientRedirect(where) if _is_part(request) else redirect(where)


def _context(request: HttpRequest, action: type[Action], case: Case, chosen: dict[str, int]) -> dict[str, Any]:
    return {
        "section": "queue",
        "case": case,
        "action": action,
        "plan": alone.plan(action, case, chosen),
        "is_escalated": _is_escalated(case),
        "untried": _untried(action, case),
        "request_id": request.POST.get("request_id") or uuid4(),
    }


def _chosen(action: type[Action], case: Case, said: QueryDict) -> dict[str, int]:
    """The ids of the case's own that were named; the device, when the case has only one."""
    names = [name for name in OF_CASE if name in action.Params.base_fields]
    texts = {name: said.get(name, "")[:18] for name in names}
    found = {name: int(text) for name, text in texts.items() if text.isascii() and text.isdigit()}
    if "device" in names and "device" not in said:
        devices = CaseDevice.objects.filter(case=case).values_list("device_id", flat=True)[:2]
        found |= {"device": devices[0]} if len(devices) == 1 else {}
    return found


def _part(request: HttpRequest) -> str:
    """Which piece of the page is asked for."""
    if not _is_part(request):
        return ""
    return "#effect" if request.headers.get("HX-Target") == "effect" else "#dialog"


def _is_part(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _is_escalated(case: Case) -> bool:
    return case.stage not in {Stage.NEW, Stage.TRIAGE}


def _untried(action: type[Action], case: Case) -> bool:
    """Would a drill be needed first for one of the case's devices?"""
    devices = CaseDevice.objects.filter(case=case).values_list("device_id", flat=True)
    return any(drills.problem(action(), case, {"device": pk}) for pk in devices)


def _request_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        raise RunbookError("The form was not complete. Load the page again.") from None
