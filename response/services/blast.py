"""Blast radius: so many isolations per hour in the whole house; the next one waits for a person or a major incident."""

from datetime import timedelta

from django.db import transaction

from cases.models import Case
from response.actions.base import Action, actions
from response.choices import Outcome, Phase, Risk, StepState
from response.errors import ApprovalError, OwnApprovalError, TransitionError
from response.models import Attempt, KillSwitch, StepRun
from response.services import clock, incidents, policy, transitions
from response.services.approvals import checked_reason
from secops import stepup
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User

HOUR = timedelta(hours=1)
LIFTED = "over_cap_by"  # in the data of a step: who let it go over the cap
CAME_TO_NOTHING = (Outcome.REFUSED, Outcome.NOT_DONE, Outcome.LATER)


def counts(action: Action | type[Action]) -> bool:
    """Is it one of those that the cap is for: cutting a device off?"""
    return action.risk == Risk.DISRUPTIVE and action.phase != Phase.RECOVERY and "device" in action.Params.base_fields


def over(step: StepRun, action: Action) -> tuple[str, float] | None:
    """Why the step waits and for how many seconds at most, or None. The number is counted under one lock for all."""
    if not counts(action) or step.data.get(LIFTED):
        return None
    KillSwitch.objects.get_or_create(pk=1)
    KillSwitch.objects.select_for_update().get(pk=1)
    at, cap = clock.now(), incidents.cap()
    slugs = [one.slug for one in actions if counts(one)]
    sent = Attempt.objects.filter(step__action__in=slugs, sent_at__gt=at - HOUR).exclude(step=step)
    times = sent.exclude(outcome__in=CAME_TO_NOTHING).order_by("sent_at").values_list("step", "sent_at")
    last = sorted({pk: when for pk, when in times if when is not None}.values())
    if len(last) < cap:
        return None
    until = last[len(last) - cap] + HOUR  # then one fewer than the cap is left within the hour
    text = (
        f"{len(last)} isolations within an hour, and {cap} is the cap: it waits until {until:%H:%M} UTC, for a person "
        "who lets it go, or for major-incident mode"
    )
    return text, max(1.0, (until - at).total_seconds())


def let_go(step_id: int, *, reason: str, actor: User) -> StepRun:
    """Another person than who asked has looked at it: this one step goes over the cap."""
    require(actor, May.APPROVE)
    reason = checked_reason(reason)
    with transaction.atomic():
        step = transitions.locked(step_id)
        if not Case.objects.visible_to(actor).filter(pk=step.run.case_id).exists():
            raise NotAllowedError("You cannot see this case.")
        if step.state != StepState.READY or not step.data.get(incidents.OVER_CAP):
            raise TransitionError(f"{step.title} does not wait for the cap any more.")
        if problem := policy.why_not(actor, step):
            raise OwnApprovalError(problem)
        if step.data.get(LIFTED):
            raise ApprovalError(f"{step.data[LIFTED]} let it go already.")
        proved = stepup.require(actor)
        step.data |= {LIFTED: actor.display_name}
        StepRun.objects.filter(pk=step.pk).update(data=step.data, not_before=None)
        text = f"Over the hour's cap, let go: {step.title}. “{reason}”{proved.words}"
        transitions.tell(step.run, text, actor=actor, step=step)
    return step


def waits_for_person(step: StepRun) -> bool:
    """Is it held by the hour's cap, and did nobody let it go yet?"""
    is_held = step.state == StepState.READY and bool(step.data.get(incidents.OVER_CAP))
    return is_held and not step.data.get(LIFTED)
