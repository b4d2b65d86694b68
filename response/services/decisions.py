"""What a person decides on a step beyond approval: it happened or not, undo it, which way to go on."""

from django.db import transaction

from cases.models import Case
from response.actions.base import Done, actions
from response.choices import Outcome, StepState
from response.errors import TransitionError
from response.models import StepRun
from response.services import clock, outcomes, progress, transitions, undoing
from response.services.approvals import checked_reason
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User

EXTENSIONS = (1, 4, 24)  # hours


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


def answer(step_id: int, choice: str, *, actor: User, note: str = "") -> StepRun:
    """Answer the question of a step that waits for a person; some answers want a note."""
    with transaction.atomic():
        step = _seen(step_id, actor, May.WORK)
        if step.state != StepState.WAITING or not actions[step.action].waits_for_person:
            raise TransitionError(f"{step.title} does not wait for an answer any more.")
        if step.deadline is not None and step.deadline <= clock.now():
            raise TransitionError("The time for this answer is over.")
        action = actions[step.action]()
        if choice not in action.choices(step.params):
            raise TransitionError("That is not one of the choices.")
        note = checked_reason(note) if action.wants_note(choice) else " ".join(note.split())[:400]
        transitions.change(
            step,
            StepState.READY,
            frm=[StepState.WAITING],
            actor=actor,
            text=f"{actor.display_name} chose: {choice}",
            data=step.data | {"answer": choice, "answered_by": actor.display_name} | ({"note": note} if note else {}),
            deadline=clock.after(step.timeout_seconds),
        )
        progress.advance(step.run)
    return step


def undo(step_id: int, *, actor: User) -> StepRun:
    """Ask for the undo of a confirmed step: an ordinary step with an approval of its own, never twice."""
    with transaction.atomic():
        step = _seen(step_id, actor, May.WORK)
        if problem := undoing.problem(step):
            raise TransitionError(problem)
        undoing.make_room(step, actor)
        row = undoing.insert(step, actor)
        progress.advance(step.run)
    row.refresh_from_db()
    return row


def undo_all(run_id: int, *, actor: User) -> list[StepRun]:
    """Ask for the undo of everything that a run did, newest first: each is asked for when the one before has ended."""
    require(actor, May.WORK)
    with transaction.atomic():
        run = transitions.locked_run(run_id)
        if not Case.objects.visible_to(actor).filter(pk=run.case_id).exists():
            raise NotAllowedError("You cannot see this case.")
        if problem := undoing.why_not(run):
            raise TransitionError(problem)
        can, cannot = undoing.of_run(run)
        found: list[StepRun] = []
        for step in can:
            undoing.make_room(step, actor)
            found.append(undoing.insert(step, actor, after=found[-1] if found else None))
        stays = f" Stays: {', '.join(step.title for step in cannot)}." if cannot else ""
        text = f"Undo of {run.version} asked for, newest first: {', '.join(step.title for step in can)}.{stays}"
        transitions.tell(run, text, actor=actor)
        progress.advance(run)
    return found


def extend(step_id: int, hours: int, *, actor: User) -> StepRun:
    """The undo of a step that follows by itself comes so many hours later."""
    with transaction.atomic():
        row = _seen(step_id, actor, May.WORK)
        if hours not in EXTENSIONS:
            raise TransitionError("Extend by one of the times that are offered.")
        row.not_before = undoing.extend(row, hours * 3_600, actor)
    return row


def _seen(step_id: int, actor: User, may: May) -> StepRun:
    require(actor, may)
    step = transitions.locked(step_id)
    if not Case.objects.visible_to(actor).filter(pk=step.run.case_id).exists():
        raise NotAllowedError("You cannot see this case.")
    return step
