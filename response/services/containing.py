"""Letting a containment go by the approval of the hunt that found its device: up to the number that it includes."""

from response.actions.base import actions
from response.choices import StepState
from response.models import Allowance, AllowanceUse, StepRun
from response.services import allowances, blast, clock, drills, policy, progress, transitions


def covering(step: StepRun) -> tuple[Allowance | None, str]:
    """What lets the step go now, its row locked so that its number holds; else why it does not, if there is any.

    A device uses it once: whatever is asked for it a second time waits for people.
    """
    action = actions[step.action]()
    if step.run.parent_id is None or not blast.counts(action):
        return None, ""
    found = Allowance.objects.select_for_update(of=("self",)).filter(hunt_step__run=step.run.parent_id)
    at, why = clock.now(), ""
    for given in found.select_related("hunt_step"):
        used = list(given.uses.values_list("device_id", flat=True))
        text = allowances.why_not(given, step, at)
        text = text or policy.over(action, step.run.case) or policy.refusal(action, step.run.case, step.params)
        text = text or drills.problem(action, step.run.case, step.params, run=step.run)
        if not text and step.run.device_id in used:
            text = "it was used for this device before"
        if not text and len(used) >= given.most:
            text = f"{len(used)} of {given.most} were let go"
        if not text:
            return given, ""
        why = f"The approval of {given.hunt_step.title} does not include it: {text}"
    return None, why


def use(step: StepRun, given: Allowance) -> None:
    """The hunt's approval is this step's, and says so; its row and the run's are locked."""
    used = AllowanceUse.objects.create(
        allowance=given,
        step=step,
        device_id=step.params["device"],
        params_sha256=step.params_sha256,
        at=clock.now(),
    )
    number = given.uses.count()
    transitions.change(
        step,
        StepState.READY,
        frm=[StepState.WAITING],
        text=used.title,
        story=f"{used.title}, {number} of {given.most}: {step.title}",
        deadline=clock.after(step.timeout_seconds),
        not_before=None,
    )
    progress.advance(step.run)
