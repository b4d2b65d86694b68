"""What a person decides on a step beyond approval: it happened or not, undo it, which way to go on."""

from django.db import transaction
from django.db.models import Max

from cases.models import Case
from response.actions.base import Done, actions
from response.choices import ENDED_RUN, ENDED_STEP, OnFailure, Outcome, RunState, StepState
from response.errors import TransitionError
from response.models import StepRun
from response.models.runs import TRIED_TO_UNDO
from response.services import clock, outcomes, progress, rows, transitions
from response.services.approvals import checked_reason
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User


def settle(step_id: int, happened: bool, *, reason: str, actor: User) -> StepRun:
    """Close an unknown step: it happened, or it did not; its attempts are closed with it."""
    with transaction.atomic():
        step = _seen(step_id, actor, May.STEER)
        reason = checked_reason(reason)
        if step.state != StepState.UNKNOWN:
            raise TransitionError(f"{step.title} is not in doubt any more: {step.get_state_display().lower()}.")
        text = f"{actor.display_name}: “{reason}”"
        if happened:
            done = Done(text=f"It happened, says {actor.display_name}: “{reason}”")
            outcomes.confirm(step, done, actor=actor, text=text)
        else:
            transitions.settle_doubts(step, Outcome.NOT_DONE, text)
            transitions.change(
                step,
                StepState.FAILED,
                frm=[StepState.UNKNOWN],
                actor=actor,
                text=f"It did not happen, says {text}",
                story=f"{step.title}: it did not happen. “{reason}”",
            )
            progress.advance(step.run)
    return step


def answer(step_id: int, choice: str, *, actor: User) -> StepRun:
    """Answer the question of a step that waits for a person."""
    with transaction.atomic():
        step = _seen(step_id, actor, May.WORK)
        if step.state != StepState.WAITING or not actions[step.action].waits_for_person:
            raise TransitionError(f"{step.title} does not wait for an answer any more.")
        if step.deadline is not None and step.deadline <= clock.now():
            raise TransitionError("The time for this answer is over.")
        if choice not in step.params["choices"]:
            raise TransitionError("That is not one of the choices.")
        transitions.change(
            step,
            StepState.READY,
            frm=[StepState.WAITING],
            actor=actor,
            text=f"{actor.display_name} chose: {choice}",
            data=step.data | {"answer": choice, "answered_by": actor.display_name},
            deadline=clock.after(step.timeout_seconds),
        )
        progress.advance(step.run)
    return step


def undo(step_id: int, *, actor: User) -> StepRun:
    """Ask for the undo of a confirmed step: an ordinary step with an approval of its own, never twice."""
    with transaction.atomic():
        step = _seen(step_id, actor, May.WORK)
        action = actions[step.action]()
        if step.state != StepState.SUCCEEDED or not action.undone_by:
            raise TransitionError(f"{step.title} cannot be undone.")
        _free(step)
        run = step.run
        if run.state in ENDED_RUN:  # a run has ended exactly when all of its steps have
            progress.set_run(run, RunState.RUNNING, reason=run.state_reason)
        run.deadline = max(run.deadline, rows.deadline(clock.now(), [step.timeout_seconds]))
        run.save(update_fields=["deadline"])
        opposite = actions[action.undone_by]()
        seq = (StepRun.objects.filter(run=run).aggregate(last=Max("seq"))["last"] or 0) + 1
        written = {
            "key": f"undo_{step.key}"[:40],
            "action": opposite.slug,
            "title": opposite.label,
            "on_failure": OnFailure.CONTINUE,
            "timeout_seconds": step.timeout_seconds,
        }
        row = rows.step_row(run, seq, written, actor, clock.now())
        row.undoes = step
        row.save(force_insert=True)
        params = opposite.clean(action.undo_params(step.params), run.case)
        progress.ask(run, row, opposite, params, declared=None)
        progress.advance(run)
    return row


def _free(step: StepRun) -> None:
    """An undo that ended without having happened makes room for another; any other stands in the way."""
    earlier = StepRun.objects.filter(undoes=step).first()
    if earlier is None:
        return
    if earlier.state == StepState.SUCCEEDED or earlier.state not in ENDED_STEP:
        raise TransitionError(f"The undo of {step.title} was asked for already.")
    earlier.undoes = None
    earlier.data |= {TRIED_TO_UNDO: step.pk}
    earlier.save(update_fields=["undoes", "data"])


def _seen(step_id: int, actor: User, may: May) -> StepRun:
    require(actor, may)
    step = transitions.locked(step_id)
    if not Case.objects.visible_to(actor).filter(pk=step.run.case_id).exists():
        raise NotAllowedError("You cannot see this case.")
    return step
