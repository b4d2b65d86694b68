"""What may happen to whom: asked again just before every effect, whatever was true at the start."""

from typing import Any

from cases.models import Case
from response.actions.allowing import allows
from response.actions.base import Action
from response.actions.targets import case_device
from response.choices import Effect, Phase, Risk
from response.models import KillSwitch, Run, StepRun
from response.models.runbooks import body_hash
from response.services import mandates, protection, transitions
from secops.access import May
from secops.models import User

CHANGED = "The parameters differ from what was approved"
TELLS = "mail"  # the capability of actions that only say something


def approvals_needed(action: Action, params: dict[str, Any], case: Case, declared: int | None, is_undo: bool) -> int:
    """By risk, unless the runbook says otherwise; critical devices want two; an undo of a disruptive step one. What
    includes the containment of others is never nobody's decision."""
    if action.waits_for_person or action.waits_for_time:
        return 0
    if is_undo and declared is None:
        return 1 if action.risk == Risk.DISRUPTIVE else 0
    if allows(params) is not None:
        return max(1, declared or 0)
    if declared is not None:
        return declared
    if action.risk != Risk.DISRUPTIVE:
        return 0
    part = case_device(case, params.get("device"))
    return 2 if part is not None and part.device.is_critical else 1


def refusal(action: Action, case: Case, params: dict[str, Any]) -> str:
    """Why this may not be done in this case at all, or nothing."""
    if case.is_covert and action.is_noticeable:
        return f"{action.label} could be noticed by the subject, and {case.number} is covert"
    if unmandated := mandates.missing(action, case):
        return unmandated
    if action.effect != Effect.READ:
        part = case_device(case, params.get("device"))
        if part is not None and part.device.is_protected:
            return f"{part.device.name} is on the list of devices that are never touched"
    return protection.problem(action, case, params)


def over(action: Action, case: Case) -> str:
    """Why nothing of this kind is begun in the case any more, or nothing: a closed case reads, tells, and gives back
    what it holds, whatever run of it still goes on."""
    if case.is_open or action.effect == Effect.READ or action.phase == Phase.RECOVERY or action.capability == TELLS:
        return ""
    return f"{case.number} is closed: open it again first."


def hold(action: Action) -> str:
    """Why nothing may be sent at the moment, or nothing."""
    if action.effect == Effect.READ:
        return ""
    switch = KillSwitch.objects.filter(pk=1, is_on=True).first()
    return f"The kill switch is on: {switch.reason or 'nothing is sent'}" if switch else ""


def intent_problem(step: StepRun, action: Action) -> str:
    """What speaks against sending this step now, for good; empty when nothing does. Asked under the run's lock."""
    if not step.run.version.is_intact:
        return "The runbook's version was changed after it was published"
    if body_hash(step.params) != step.params_sha256:
        return CHANGED
    if not may_request(step.requested_by, step.run.case):
        return f"{step.requested_by.display_name}, who asked for it, may not start it any more"
    # What may have been sent is asked for again under its key: that begins nothing, and how it ended is learnt.
    if (problem := over(action, step.run.case)) and not transitions.in_doubt(step):
        return problem
    return refusal(action, step.run.case, step.params)


def may_request(user: User, case: Case) -> bool:
    """May this person still ask for steps of this case?"""
    return user.may(May.WORK) and Case.objects.visible_to(user).filter(pk=case.pk).exists()


def why_not(user: User, step: StepRun) -> str:
    """Why this person cannot decide on the step; empty when they can."""
    if user.pk == step.requested_by_id:
        return "You asked for this step, so another person decides."
    if not user.may(May.APPROVE):
        return "Your roles do not allow you to approve steps."
    if user.pk in {*step.run.version.writers, step.run.version.published_by_id}:
        return "You wrote this version of the runbook, so another person decides."
    if not Case.objects.visible_to(user).filter(pk=step.run.case_id).exists():
        return "You cannot see this case."
    return ""


def deciders(step: StepRun) -> list[User]:
    """Everybody who could decide on the step."""
    people = User.objects.filter(is_active=True, groups__isnull=False).distinct().prefetch_related("groups")
    return [user for user in people if not why_not(user, step)]


def may_cancel(user: User, run: Run) -> bool:
    """Responders any run, analysts their own."""
    return user.may(May.STEER) or (user.may(May.CANCEL_OWN) and run.requested_by_id == user.pk)
