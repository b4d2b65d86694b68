"""The rows that undo steps: asked for by a person, one after another for a whole run, or due by themselves later."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Max

from response.actions.base import actions
from response.actions.capture_packets import CapturePackets
from response.choices import ENDED_RUN, ENDED_STEP, CaptureState, Effect, OnFailure, RunState, StepState
from response.errors import TransitionError
from response.models import Capture, Run, StepRun
from response.models.runs import TRIED_TO_UNDO
from response.services import clock, policy, progress, rows, transitions
from secops.models import User

BY_ITSELF = (
    "is_by_itself"  # in the data of an undo that the runbook declared: due at its time, unless somebody moves it
)


def insert(step: StepRun, actor: User, *, after: StepRun | None = None, at: datetime | None = None) -> StepRun:
    """The row of an undo, not yet opened; `after` is the undo that ends before it. The run's row is locked."""
    action, run = actions[step.action](), step.run
    opposite = actions[action.undone_by]()
    if run.state in ENDED_RUN:  # a run has ended exactly when all of its steps have
        progress.set_run(run, RunState.RUNNING, reason=run.state_reason)
    begins = max(at or clock.now(), _end_of(after))
    run.deadline = max(run.deadline, rows.deadline(begins, [step.timeout_seconds]))
    run.save(update_fields=["deadline"])
    written = {
        "key": f"undo_{step.key}"[:40],
        "action": opposite.slug,
        "title": opposite.label,
        "on_failure": OnFailure.CONTINUE,
        "timeout_seconds": step.timeout_seconds,
    }
    seq = (StepRun.objects.filter(run=run).aggregate(last=Max("seq"))["last"] or 0) + 1
    row = rows.step_row(run, seq, written, actor, clock.now())
    row.undoes, row.params = step, opposite.clean(action.undo_params(step.params), run.case)
    row.data = {"after": after.pk} if after is not None else {}
    row.save(force_insert=True)
    return row


def schedule(step: StepRun) -> None:
    """A step that just succeeded is undone by itself later, if its runbook says so: in the same transaction, so once.

    Who approved the step read that; the undo asks nobody again.
    """
    seconds = progress.written_step(step.run, step).get("undo_after")
    if not seconds or step.undoes_id is not None or not actions[step.action].undone_by:
        return
    at = clock.after(seconds)
    row = insert(step, step.requested_by, at=at)
    row.data = {BY_ITSELF: True}
    StepRun.objects.filter(pk=row.pk).update(data=row.data)
    progress.ask(step.run, row, actions[row.action](), row.params, declared=0, not_before=at)
    text = f"{row.title} follows by itself at {_clock(at)}, unless somebody moves it"
    transitions.tell(step.run, text, step=row)


def extend(row: StepRun, seconds: int, actor: User) -> datetime:
    """Later by so much; TransitionError when it is under way. The run's row is locked."""
    if not is_scheduled(row) or row.not_before is None:
        raise TransitionError(f"{row.title} does not wait for its time any more.")
    at = row.not_before + timedelta(seconds=seconds)
    end = at + timedelta(seconds=row.timeout_seconds)
    moved = StepRun.objects.filter(pk=row.pk, state=StepState.READY, token=row.token)
    if moved.update(not_before=at, deadline=end) != 1:
        raise TransitionError(f"{row.title} does not wait for its time any more.")
    row.run.deadline = max(row.run.deadline, rows.deadline(at, [row.timeout_seconds]))
    row.run.save(update_fields=["deadline"])
    transitions.tell(row.run, f"{row.title} moved to {_clock(at)}", actor=actor, step=row)
    return at


def overtaken(row: StepRun) -> str:
    """Why an undo that is due by itself does not go: the same was done again since, and nobody asked to undo that."""
    if not row.data.get(BY_ITSELF) or row.undoes is None:
        return ""
    done = StepRun.objects.filter(lane=row.lane, target=row.target, state=StepState.SUCCEEDED)
    last = done.exclude(effect=Effect.READ).order_by("-state_at", "-pk").first()
    if last is None or last.pk == row.undoes_id or last.action != row.undoes.action:
        return ""
    return f"{actions[last.action].label} was done again since by another step, so it is not undone by itself"


def is_scheduled(row: StepRun) -> bool:
    """Does the undo wait for its time?"""
    is_waiting = row.state == StepState.READY and not row.attempts
    return bool(row.data.get(BY_ITSELF)) and is_waiting and row.not_before is not None


def problem(step: StepRun) -> str:
    """Why this step cannot be undone at all; empty when it can. A closed case only gives back what it holds."""
    opposite = actions[step.action].undone_by
    if step.state != StepState.SUCCEEDED or not opposite:
        return f"{step.title} cannot be undone."
    return policy.over(actions[opposite](), step.run.case)


def is_free(step: StepRun) -> bool:
    """May the undo of this step be asked for now? One that came to nothing, or is only due later, makes room."""
    earlier: StepRun | None = getattr(step, "undone_by", None)
    if earlier is None or is_scheduled(earlier):
        return True
    return earlier.state in ENDED_STEP and earlier.state != StepState.SUCCEEDED


def make_room(step: StepRun, actor: User) -> None:
    """Take the earlier undo out of the way; TransitionError when it stands in it."""
    earlier = StepRun.objects.filter(undoes=step).first()
    if earlier is None:
        return
    earlier.run = step.run
    if is_scheduled(earlier):
        text = f"Asked for earlier by {actor.display_name}"
        transitions.change(earlier, StepState.CANCELLED, frm=[StepState.READY], text=text, actor=actor, not_before=None)
    if earlier.state == StepState.SUCCEEDED or earlier.state not in ENDED_STEP:
        raise TransitionError(f"The undo of {step.title} was asked for already.")
    earlier.undoes = None
    earlier.data |= {TRIED_TO_UNDO: step.pk}
    earlier.save(update_fields=["undoes", "data"])


def of_run(run: Run) -> tuple[list[StepRun], list[StepRun]]:
    """What of the run can be undone, in the order in which that is done: newest first; and what was done for good."""
    done = StepRun.objects.filter(run=run, state=StepState.SUCCEEDED, undoes__isnull=True).exclude(effect=Effect.READ)
    steps = [one for one in done.select_related("undone_by").order_by("-state_at", "-pk") if not _is_undone(one)]
    for one in steps:
        one.run = run
    over = _over(steps)
    can = [one for one in steps if not problem(one) and one.pk not in over]
    return [one for one in can if is_free(one)], [one for one in steps if not actions[one.action].undone_by]


def _over(steps: Sequence[StepRun]) -> set[int]:
    """Captures that have ended by themselves, when their device was released: nothing of them is left to undo."""
    captures = [one.pk for one in steps if one.action == CapturePackets.slug]
    if not captures:
        return set()
    ended = Capture.objects.filter(step__in=captures).exclude(state=CaptureState.RUNNING)
    return set(ended.values_list("step", flat=True))


def why_not(run: Run) -> str:
    """Why the run as a whole cannot be undone now; empty when it can."""
    own = StepRun.objects.filter(run=run, undoes__isnull=True).exclude(state__in=ENDED_STEP)
    if run.state in {RunState.RUNNING, RunState.PAUSED} and own.exists():
        return "The run still goes on. Stop it first, then undo what it did."
    return "" if of_run(run)[0] else "Nothing of this run can be undone."


def _is_undone(step: StepRun) -> bool:
    undo: StepRun | None = getattr(step, "undone_by", None)
    return undo is not None and undo.state == StepState.SUCCEEDED


def _end_of(after: StepRun | None) -> datetime:
    return after.run.deadline if after is not None else clock.now()


def _clock(at: datetime) -> str:
    return f"{at.day} {at:%b %H:%M} UTC"
