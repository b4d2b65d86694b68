"""The rows of a run and of its steps, as they are before anything of them is decided."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from cases.models import Case
from response.actions.base import Action, actions
from response.actions.each import Each
from response.choices import StepState
from response.models import Run, RunbookVersion, StepRun
from response.services import clock
from secops.models import User

SPARE_SECONDS = 3_600  # of a run's deadline, beyond what its steps may take


def insert_run(
    version: RunbookVersion,
    case: Case,
    request_id: UUID,
    actor: User,
    *,
    parent: Run | None = None,
    device_id: int | None = None,
) -> Run:
    """A run with its steps; `progress.advance` opens the first ones."""
    at = clock.now()
    run = Run.objects.create(
        request_id=request_id,
        version=version,
        case=case,
        requested_by=actor,
        parent=parent,
        device_id=device_id,
        started_at=at,
        deadline=deadline(at, _timeouts(version.body["steps"])),
    )
    StepRun.objects.bulk_create(
        step_row(run, seq, written, actor, at) for seq, written in enumerate(version.body["steps"], start=1)
    )
    return run


def deadline(at: datetime, timeouts: list[int]) -> datetime:
    """Later than all of its steps together may take, one after another; timeouts in seconds."""
    seconds = sum(timeout + settings.APPROVAL_SECONDS for timeout in timeouts)
    return at + timedelta(seconds=seconds + SPARE_SECONDS)


def _timeouts(steps: list[dict[str, Any]]) -> list[int]:
    """A list waits once for its own decision, and once for its items, which go side by side."""
    return [step["timeout_seconds"] for step in steps for _ in range(2 if step.get("for_each") else 1)]


def action_of(written: dict[str, Any]) -> type[Action]:
    """What the first row of a written step carries out: with `for_each`, the making of its list."""
    return Each if written.get("for_each") else actions[str(written["action"])]


def step_row(
    run: Run, seq: int, written: dict[str, Any], actor: User, at: datetime, *, action: type[Action] | None = None
) -> StepRun:
    """A step run, not yet opened."""
    action = action or action_of(written)
    return StepRun(
        run=run,
        seq=seq,
        key=written["key"],
        title=written["title"],
        action=action.slug,
        lane=action.lane or action.slug,
        effect=action.effect,
        risk=action.risk,
        requested_by=actor,
        max_attempts=written.get("max_attempts") or action.max_attempts,
        on_failure=written["on_failure"],
        timeout_seconds=written["timeout_seconds"],
        state=StepState.PENDING,
        state_at=at,
    )
