"""What the clock carries on: leases that ended, approvals nobody gave, deadlines; nothing is asked outside."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q, QuerySet

from response.choices import BEFORE_SENDING, LIVE_EFFECT, Outcome, RunState, StepState
from response.models import Run, StepRun
from response.services import (
    captures,
    clock,
    closing,
    hunt_asks,
    outcomes,
    paging,
    polling,
    progress,
    steps,
    transitions,
    unanswered,
)
from secops import taskqueue

LEASED = (StepState.CLAIMED, StepState.SENDING)
OVERDUE = (StepState.WAITING, StepState.READY, StepState.VERIFYING)
SILENT_SECONDS = 120  # past its deadline: long work that could not be ended at the product
BATCH = 200


def tick() -> int:
    """Everything whose time has come; the number of rows moved."""
    at = clock.now()
    moved = sum(_recover(pk) for pk in _pks(state__in=LEASED, lease_until__lt=at))
    moved += closing.stop_runs()  # before anybody is called for what nobody sends any more
    moved += unanswered.tick()
    moved += sum(_end_overdue(pk) for pk in _pks(state__in=OVERDUE, deadline__lt=at))
    silent = at - timedelta(seconds=SILENT_SECONDS)
    moved += sum(_end_overdue(pk) for pk in _pks(state=StepState.POLLING, deadline__lt=silent))
    overdue = Run.objects.filter(state__in=(RunState.RUNNING, RunState.PAUSED), deadline__lt=at)
    moved += sum(_stop_overdue(pk) for pk in overdue.values_list("pk", flat=True)[:BATCH])
    if _is_work_due(at):
        taskqueue.ring("response")
    return moved


def due_counts() -> dict[str, Any]:
    """What is left, and when the next of it is due; steps that wait for people are not counted."""
    left = StepRun.objects.filter(state__in=(StepState.READY, *LIVE_EFFECT)).exclude(
        state=StepState.READY, run__state=RunState.PAUSED
    )
    times = left.aggregate(first=Min("not_before"), lease=Min("lease_until", filter=Q(state__in=LEASED)))
    known = [time for time in times.values() if time is not None]
    return {
        "steps": left.count(),
        "pages": paging.due(),
        "hunts": hunt_asks.left(),
        "next_at": min(known, default=None),
    }


def is_overdue(seconds: float) -> bool:
    """Has work been due for so long that no worker can be at it?"""
    return _is_work_due(clock.now() - timedelta(seconds=seconds))


def _is_work_due(at: datetime) -> bool:
    """Has anything been due since then: a read-back, a step to send, or one whose tries are spent?"""
    checks = StepRun.objects.filter(state__in=(StepState.VERIFYING, StepState.POLLING), not_before__lte=at)
    found = (checks, polling.late(at), _since(steps.due(at), at), _since(steps.spent(), at))
    rows_of_others = (paging, captures, hunt_asks)
    return any(one.is_due(at) for one in rows_of_others) or any(rows.exists() for rows in found)


def _since(rows: QuerySet[StepRun], at: datetime) -> QuerySet[StepRun]:
    return rows.filter(state_at__lte=at)


def _pks(**conditions: Any) -> list[int]:
    return list(StepRun.objects.filter(**conditions).order_by("pk").values_list("pk", flat=True)[:BATCH])


def _recover(step_id: int) -> int:
    """A worker died or froze: before the intent nothing was sent, after it that is in doubt."""
    with transaction.atomic():
        step = transitions.locked(step_id)
        if step.state not in LEASED or step.lease_until is None or step.lease_until >= clock.now():
            return 0
        text = "The worker ended without an answer"
        if step.state == StepState.CLAIMED:
            transitions.close_attempt(step, Outcome.NOT_DONE, text)
            transitions.change(
                step, StepState.READY, frm=[StepState.CLAIMED], text=f"{text}; nothing was sent", lease_until=None
            )
        else:
            transitions.close_attempt(step, Outcome.LOST, text)
            outcomes.resolve_doubt(step, text)
        progress.advance(step.run)
    return 1


def _end_overdue(step_id: int) -> int:
    with transaction.atomic():
        step = transitions.locked(step_id)
        if step.state not in (*OVERDUE, StepState.POLLING) or step.deadline is None or step.deadline >= clock.now():
            return 0
        to, text = _ending(step)
        is_unanswered = to == StepState.EXPIRED
        transitions.change(
            step,
            to,
            frm=[StepState(step.state)],
            text=text,
            story=f"{step.title}: {text}",
            not_before=None,
            on_failure=progress.if_unanswered(step) if is_unanswered else step.on_failure,
        )
        progress.advance(step.run)
    return 1


def _ending(step: StepRun) -> tuple[StepState, str]:
    if step.state == StepState.WAITING:
        return StepState.EXPIRED, "Nobody answered in time. Nothing was sent"
    if step.state == StepState.READY:
        return StepState.FAILED, f"Not done in time. {step.reason}".strip()
    return StepState.UNKNOWN, f"Not confirmed in time. {step.reason}".strip()


def _stop_overdue(run_id: int) -> int:
    with transaction.atomic():
        run = transitions.locked_run(run_id)
        if run.state not in {RunState.RUNNING, RunState.PAUSED} or run.deadline >= clock.now():
            return 0
        progress.set_run(run, RunState.STOPPING, reason="Its time was over", story=f"{run.version}: its time was over")
        progress.withdraw(run, BEFORE_SENDING[:3], "The run's time was over")
        progress.advance(run)
    return 1
