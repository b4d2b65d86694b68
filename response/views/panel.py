"""The runbook panel beside a case, the suggestion in its escalation, and the start of a run."""

from typing import Any
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from cases.choices import DeviceState, Stage
from cases.models import Case, CaseDevice
from cases.views.access import reader, visible_case
from response.actions.base import actions
from response.actions.each import Each
from response.actions.isolation import DEVICE_DOOR, NETWORK_DOOR
from response.choices import Risk, StepState
from response.errors import RunbookError
from response.models import Run, RunbookVersion
from response.services import drills, mandates, policy, progress, protection, runbooks, runs, scope
from response.views import board
from response.views.doors import doors_of, watched
from secops import expressions

SHOWN_RUNS = 5
CLOSES = (DEVICE_DOOR[0], NETWORK_DOOR[0])
DECIDED_AGAINST = (StepState.REJECTED, StepState.SKIPPED)


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The runs of the case; a page of its own without HTMX."""
    return panel_of(request, visible_case(request, pk))


@require_GET
def suggest(request: HttpRequest, pk: int) -> HttpResponse:
    """What the case's kind offers, with what each step would ask."""
    case = visible_case(request, pk)
    context = {"case": case, "offers": offers(case), "section": "queue", "request_id": uuid4()}
    name = "response/suggest.html#suggest" if _is_part(request) else "response/suggest.html"
    return render(request, name, context)


@require_POST
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a run; with `escalate=1` the case is escalated first."""
    case = visible_case(request, pk)
    try:
        request_id = UUID(request.POST.get("request_id", ""))
        version = int(request.POST.get("runbook", ""))
    except ValueError:
        raise RunbookError("The form was not complete. Load the page again.") from None
    begin = runs.escalate_and_start if request.POST.get("escalate") == "1" else runs.start
    begin(version, case.pk, request_id=request_id, actor=reader(request))
    if _is_part(request) and request.headers.get("HX-Target") == "run-panel":
        return trigger_client_event(panel_of(request, case), "live:tick", after="settle")
    where = reverse("cases:case", args=[case.pk])
    return HttpResponseClientRedirect(where) if _is_part(request) else redirect(where)


def panel_of(request: HttpRequest, case: Case) -> HttpResponse:
    """The panel as it stands now, whole or as a fragment."""
    case.refresh_from_db()
    user = reader(request)
    shown = Run.objects.filter(case=case).select_related("version__runbook", "requested_by", "case__kind", "device")[
        :SHOWN_RUNS
    ]
    cards = board.cards_of(case.pk, list(shown), user)
    context: dict[str, Any] = {
        "case": case,
        "cards": cards,
        "doors": doors_of(case) if cards else [],
        "watched": watched(case),
        "is_live": any(card.is_live for card in cards),
        "decide_first": next((one for card in cards for one in card.cards if one.may_decide), None),
        "answer_first": next((one for card in cards for one in card.cards if one.may_answer), None),
        "offers": offers(case) if case.is_open else [],
        "is_escalated": case.stage not in {Stage.NEW, Stage.TRIAGE},
        "request_id": uuid4(),
        "mandate": mandates.in_force(case) if case.is_covert else None,
        "may_contain": case.stage == Stage.RESPONSE and _is_containment_verified(cards),
        "still_open": CaseDevice.objects.filter(case=case, state=DeviceState.SUSPECTED).select_related("device"),
        "next": reverse("cases:case", args=[case.pk]),
        "section": "queue",
    }
    name = "response/panel.html#panel" if _is_part(request) else "response/panel.html"
    return render(request, name, context)


def back(request: HttpRequest, case: Case) -> HttpResponse:
    """After a decision: the panel to HTMX, else the page that the form named."""
    if _is_part(request):
        return trigger_client_event(panel_of(request, case), "live:tick", after="settle")
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return redirect(wanted if is_ours else reverse("cases:case", args=[case.pk]))


def offers(case: Case) -> list[dict[str, Any]]:
    """Each version that the kind offers, with its steps and what speaks against one."""
    found = runbooks.offered(case)
    if not found:
        return []
    steps = [step for version in found for step in version.body["steps"]]
    data = scope.of_case(case, {}, read_by=str([step["params"].get("device") for step in steps]))
    return [{"version": version, "steps": _steps(version, case, data)} for version in found]


def _steps(version: RunbookVersion, case: Case, data: expressions.Scope) -> list[dict[str, str]]:
    rows = []
    for step in version.body["steps"]:
        action = actions[step["action"]]()
        needed = 1 if action.risk == Risk.DISRUPTIVE else 0
        asks = step["approvals"] if step["approvals"] is not None else needed
        each = " each" if step.get("for_each") else ""
        params = _known_params(step, data)
        refused = policy.refusal(action, case, params) or drills.problem(action, case, params)
        held = protection.maintained(action, case, params)
        said = "asks you" if action.waits_for_person else f"{asks} approval{each}" if asks else "at once"
        said += ", on a condition" if step.get("when") else ""
        rows.append({"title": step["title"], "asks": said, "refused": refused, "held": held.text if held else ""})
    return rows


def _known_params(step: dict[str, Any], data: expressions.Scope) -> dict[str, Any]:
    """What of a step's device is known before it starts: not what an earlier step finds."""
    try:
        return {"device": progress.filled(step["params"].get("device"), data)}
    except expressions.ExpressionError:
        return {}


def _is_containment_verified(cards: list[board.RunCard]) -> bool:
    states = [
        (card.step.state, card.is_undone)
        for run in cards
        for card in run.cards
        if card.step.action in CLOSES and card.step.state != StepState.CANCELLED
        if not (card.step.item and card.step.state in DECIDED_AGAINST)  # the banner names the device
    ]
    if any(card.step.action == Each.slug and not card.step.is_ended for run in cards for card in run.cards):
        return False
    return bool(states) and all(state == StepState.SUCCEEDED and not undone for state, undone in states)


def _is_part(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
