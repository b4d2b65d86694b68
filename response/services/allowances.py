"""What the approval of a hunt includes: given with the approval, withdrawn by whoever may approve, judged again before
every send."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from cases.models import Case
from response.actions.allowing import Allows, allows
from response.actions.targets import case_device
from response.choices import Decision
from response.errors import TransitionError
from response.models import Allowance, Approval, HuntHit, StepRun
from response.services import clock, policy, transitions
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User


def lock(step: StepRun) -> None:
    """Before the first line on the case's timeline: the tick locks its row first and then the case's."""
    list(Allowance.objects.select_for_update().filter(hunt_step=step).values_list("pk"))


def give(step: StepRun, approval: Approval) -> None:
    """The approval made the step whole: what it includes counts from now, for as long as the step may take. Approved
    anew with other parameters, it is given anew. The run's row is locked."""
    included = allows(step.params)
    if included is None:
        return
    given, _ = Allowance.objects.update_or_create(
        hunt_step=step,
        defaults={
            "approval": approval,
            "params_sha256": step.params_sha256,
            "device_group": included.group,
            "most": included.most,
            "given_at": clock.now(),
            "withdrawn_at": None,
            "withdrawn_by": None,
            "expires_at": clock.now() + timedelta(seconds=step.timeout_seconds + settings.APPROVAL_SECONDS),
        },
    )
    text = f"Approval {approval.pk} of {step.title} includes containing {given_text(given)}, until {_minute(given)}"
    if "devices" not in step.params:  # how far it would reach is asked when it is sent, and more is approved anew
        text += f", if the hunt asks no more than {step.params['cap']} devices"
    transitions.tell(step.run, text, actor=approval.decided_by, step=step)


def void(step: StepRun) -> None:
    """The step waits for another approval, of other parameters: what the last included is no more, and its case reads
    so. The rows are locked, by `lock`."""
    given = Allowance.objects.filter(hunt_step=step, withdrawn_at__isnull=True).first()
    if given is not None:
        text = f"Approval {given.approval_id} of {step.title} includes no containment any more: it was of less"
        transitions.tell(step.run, text, step=step)


def withdraw(step_id: int, *, actor: User) -> Allowance:
    """No further device, and none that was let go and not sent yet; whoever may approve may do it."""
    require(actor, May.APPROVE)
    with transaction.atomic():
        step = transitions.locked(step_id)
        if not Case.objects.visible_to(actor).filter(pk=step.run.case_id).exists():
            raise NotAllowedError("You cannot see this case.")
        given = Allowance.objects.select_for_update().filter(hunt_step=step, withdrawn_at__isnull=True).first()
        if given is None:
            raise TransitionError(f"{step.title} allows nothing that could be withdrawn.")
        given.withdrawn_at, given.withdrawn_by = clock.now(), actor
        given.save(update_fields=["withdrawn_at", "withdrawn_by"])
        used = given.uses.count()
        text = f"Withdrawn: containing {given_text(given)}. {used} of {given.most} had been let go"
        transitions.tell(step.run, text, actor=actor, step=step)
    return given


def why_not(given: Allowance, step: StepRun, at: datetime) -> str:
    """Why it does not cover the step as it would be sent; nothing when it does. The count is asked by `containing`."""
    hunted = given.hunt_step
    if given.withdrawn_at is not None:
        return "it was withdrawn"
    if given.expires_at <= at:
        return f"it counted until {_minute(given)}"
    if hunted.params_sha256 != given.params_sha256:
        return policy.CHANGED
    if step.undoes_id is not None or step.run.parent_id != hunted.run_id:
        return "it is for the runs that the hunt's own run starts"
    if text := _why_not_device(given, step):
        return text
    approved = Approval.objects.filter(
        step=hunted, decision=Decision.APPROVED, params_sha256=given.params_sha256
    ).select_related("decided_by")
    barred = {one.decided_by.display_name: policy.why_not(one.decided_by, step) for one in approved}
    if len(barred) - sum(map(bool, barred.values())) < max(hunted.approvals_needed, step.approvals_needed):
        names = ", ".join(name for name, text in barred.items() if text)
        return f"{names}, who approved the hunt, may not decide on this step" if names else "it needs two persons"
    return ""


def given_text(given: Allowance) -> str:
    return Allows(group=given.device_group, most=given.most).text


def _why_not_device(given: Allowance, step: StepRun) -> str:
    part = case_device(step.run.case, step.params.get("device"))
    if part is None or part.device_id != step.run.device_id:
        return "it is for the device that the run was started for"
    if part.device.group != given.device_group:
        group = f"of the group {part.device.group}" if part.device.group else "of no known group"
        return f"{part.device.name} is {group}, and it is for {given.device_group}"
    if part.device.is_critical:
        return f"{part.device.name} is critical, which people decide"
    found = HuntHit.objects.filter(hunt__step=given.hunt_step, device=part.device_id, is_own=False)
    return "" if found.exists() else f"{part.device.name} was not found by the hunt"


def _minute(given: Allowance) -> str:
    return f"{given.expires_at:%H:%M} UTC"
