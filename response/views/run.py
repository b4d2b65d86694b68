"""The page of one run, and what a person may do with it and its steps."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from cases.services import readings
from cases.views.access import reader
from response.models import Run, StepRun
from response.services import allowances, approvals, blast, decisions, overrides, runs
from response.views import board
from response.views.inputs import inputs_of
from response.views.panel import back
from secops import stepup
from secops.models import User


@require_GET
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Steps, inputs, results and who did what."""
    found = _run(request, pk)
    (card,) = board.cards_of(found.case_id, [found], reader(request))
    context = {"card": card, "case": found.case, "lasted": board.lasted(found), "section": "queue"}
    context["next"] = request.path
    inputs = inputs_of(found.case_id, [one.step for one in card.cards])
    context["rows"] = [(one.step, inputs[one.step.pk]) for one in card.cards]
    name = "response/run.html#run" if request.headers.get("HX-Request") == "true" else "response/run.html"
    return render(request, name, context)


@require_POST
def steer(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """Pause, resume, stop, cancel, or undo all of it."""
    found, user = _run(request, pk), reader(request)
    act: dict[str, Callable[[], object]] = {
        "pause": lambda: runs.pause(found.pk, actor=user),
        "resume": lambda: runs.resume(found.pk, actor=user),
        "stop": lambda: runs.stop(found.pk, reason=request.POST.get("reason", ""), actor=user),
        "cancel": lambda: runs.cancel(found.pk, actor=user),
        "undo_all": lambda: decisions.undo_all(found.pk, actor=user),
    }
    act[what]()
    return back(request, found.case)


@require_POST
def decide(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """Approve, reject, settle, answer, or ask for the undo of a step."""
    step = visible_step(request, pk)
    if what not in DECISIONS:
        raise Http404
    stepup.answer(request, reader(request))
    DECISIONS[what](step.pk, request, reader(request))
    return back(request, step.run.case)


def visible_step(request: HttpRequest, pk: int) -> StepRun:
    """The step, or 404 for a missing and a hidden one alike."""
    steps = StepRun.objects.visible_to(reader(request)).select_related(
        "run__case__kind", "run__version__runbook", "run__requested_by", "requested_by"
    )
    step = get_object_or_404(steps, pk=pk)
    readings.saw(step.run.case, reader(request))
    return step


def _run(request: HttpRequest, pk: int) -> Run:
    found = Run.objects.visible_to(reader(request)).select_related("case__kind", "version__runbook", "requested_by")
    run = get_object_or_404(found, pk=pk)
    readings.saw(run.case, reader(request))
    return run


def _approve(pk: int, request: HttpRequest, user: User) -> None:
    approvals.approve(pk, params_sha256=request.POST.get("params_sha256", ""), actor=user)


def _reject(pk: int, request: HttpRequest, user: User) -> None:
    approvals.reject(pk, reason=request.POST.get("reason", ""), actor=user)


def _settle(pk: int, request: HttpRequest, user: User) -> None:
    happened = request.POST.get("happened")
    if happened not in {"yes", "no"}:
        raise Http404
    decisions.settle(pk, happened == "yes", reason=request.POST.get("reason", ""), actor=user)


def _answer(pk: int, request: HttpRequest, user: User) -> None:
    decisions.answer(pk, request.POST.get("choice", ""), note=request.POST.get("note", ""), actor=user)


def _break_glass(pk: int, request: HttpRequest, user: User) -> None:
    sha256 = request.POST.get("params_sha256", "")
    overrides.break_glass(pk, reason=request.POST.get("reason", ""), params_sha256=sha256, actor=user)


def _undo(pk: int, request: HttpRequest, user: User) -> None:
    decisions.undo(pk, actor=user)


def _extend(pk: int, request: HttpRequest, user: User) -> None:
    hours = request.POST.get("hours", "")
    decisions.extend(pk, int(hours) if hours in {str(one) for one in decisions.EXTENSIONS} else 0, actor=user)


def _over_cap(pk: int, request: HttpRequest, user: User) -> None:
    blast.let_go(pk, reason=request.POST.get("reason", ""), actor=user)


def _withdraw(pk: int, request: HttpRequest, user: User) -> None:
    allowances.withdraw(pk, actor=user)


DECISIONS: dict[str, Callable[[int, HttpRequest, User], None]] = {
    "approve": _approve,
    "reject": _reject,
    "settle": _settle,
    "answer": _answer,
    "undo": _undo,
    "break_glass": _break_glass,
    "over_cap": _over_cap,
    "extend": _extend,
    "withdraw": _withdraw,
}
