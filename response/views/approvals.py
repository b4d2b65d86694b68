"""Approvals: the list, and one decision page made for a phone."""

from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from cases.models import CaseDevice
from cases.views.access import reader
from response.actions.base import actions
from response.choices import ENDED_STEP, Phase, StepState
from response.models import Allowance, Approval, Override, Page, StepRun
from response.services import allowances, consent, drills, policy, progress, protection
from response.views import board, nights
from response.views.inputs import inputs_of
from response.views.run import visible_step
from secops.access import May
from secops.models import User
from secops.wording import duration

DECIDED_SHOWN = 20


@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    """Mine first, then what waits for others, then what was decided."""
    user = reader(request)
    waiting = [(step, _own_problem(user, step)) for step in _waiting(user)]
    decided = (
        Approval.objects.filter(step__in=StepRun.objects.visible_to(user))
        .select_related("step__run__case", "decided_by", "requested_by")
        .order_by("-decided_at")[:DECIDED_SHOWN]
    )
    context = {
        "section": "approvals",
        "mine": [step for step, problem in waiting if not problem],
        "others": [{"step": step, "why_not": problem} for step, problem in waiting if problem],
        "decided": decided,
        "to_review": nights.to_review(user),
    }
    return render(request, "response/approvals.html", context)


@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """How many wait for the reader; nothing when none does."""
    user = reader(request)
    count = sum(1 for step in _waiting(user) if not _own_problem(user, step))
    return HttpResponse(str(count) if count else "")


@require_GET
def approval(request: HttpRequest, pk: int) -> HttpResponse:
    """What, who is hit, how to undo, time left, who else was asked, what if nobody answers, why, who asks, rule."""
    step, user = visible_step(request, pk), reader(request)
    is_open = step.state == StepState.WAITING and not actions[step.action].waits_for_person
    others = [other.display_name for other in policy.deciders(step) if other.pk != user.pk] if is_open else []
    after, allowed = board.when_unanswered(step) if is_open else ("", "")
    context = {
        "section": "approvals",
        "step": step,
        "case": step.run.case,
        "card": board.step_card(step, user),
        "plan": board.plan_of(step),
        "facts": board.facts_of(step),
        "inputs": inputs_of(step.run.case_id, [step])[step.pk],
        "is_recovery": actions[step.action].phase == Phase.RECOVERY,
        "is_open": is_open,
        "is_update": request.headers.get("HX-Request") == "true",
        "is_followed": step.state not in ENDED_STEP,
        "refusal": _refusal(step) if is_open else "",
        "held": protection.maintained(actions[step.action](), step.run.case, step.params) if is_open else None,
        "others": others,
        "pages": list(Page.objects.filter(step=step).select_related("person")),
        "next_call": board.next_call(step) if is_open else "",
        "after": after,
        "allowed": allowed,
        "may_break": board.may_break(step, user),
        "override": Override.objects.filter(step=step).select_related("standing", "by", "reviewed_by").first(),
        "includes": _includes(step),
        "may_withdraw": user.may(May.APPROVE),
        "approvals": list(step.approvals.select_related("decided_by")),
        "asked_at": step.changes.filter(new=StepState.WAITING).values_list("at", flat=True).first(),
        "left": duration((step.deadline - timezone.now()).total_seconds()) if step.deadline else "",
        "deadline": step.deadline,
        "undo_after": duration(undo_after) if (undo_after := _undo_after(step)) else "",
        "own_time": _own_time(user, step),
        "part": CaseDevice.objects.filter(case=step.run.case, device_id=step.params.get("device")).first(),
        "rule": rule_of(step),
        "next": request.path,
    }
    name = "response/approval.html#update" if context["is_update"] else "response/approval.html"
    return render(request, name, context)


def rule_of(step: StepRun) -> str:
    """How many must approve, and who may not."""
    given = consent.counted(step)
    many = "One approval" if step.approvals_needed == 1 else f"{step.approvals_needed} approvals, {given} given"
    return f"{many}, not by who asked or who wrote the runbook"


def _includes(step: StepRun) -> dict[str, object] | None:
    """What the approval of a hunt let go beside it, and what is left of that."""
    given = Allowance.objects.filter(hunt_step=step).select_related("withdrawn_by", "approval__decided_by").first()
    if given is None:
        return None
    uses = list(given.uses.select_related("step", "device"))
    return {"given": given, "text": allowances.given_text(given), "uses": uses, "left": given.most - len(uses)}


def _undo_after(step: StepRun) -> int:
    """Seconds after which it is undone by itself, 0 for never."""
    return int(progress.written_step(step.run, step).get("undo_after") or 0)


def _refusal(step: StepRun) -> str:
    """What would speak against sending it as things stand."""
    action, case = actions[step.action](), step.run.case
    problem = policy.over(action, case) or policy.refusal(action, case, step.params)
    return problem or drills.problem(action, case, step.params, run=step.run)


def _waiting(user: User) -> list[StepRun]:
    steps = (
        StepRun.objects.visible_to(user)
        .filter(state=StepState.WAITING, approvals_needed__gt=0)
        .select_related("run__case", "run__version", "requested_by")
        .prefetch_related("approvals__decided_by")
        .order_by("deadline", "pk")
    )
    return list(steps)


def _own_problem(user: User, step: StepRun) -> str:
    if user.pk in consent.decided(step):
        return "You have approved; another person must too."
    return policy.why_not(user, step)


def _own_time(user: User, step: StepRun) -> str:
    """The deadline in the reader's zone, when it is another than UTC."""
    if step.deadline is None or user.time_zone == "UTC":
        return ""
    return f"{step.deadline.astimezone(ZoneInfo(user.time_zone)):%H:%M} your time"
