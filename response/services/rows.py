"""The rows of a run's steps, as they are before anything of them is decided."""

from datetime import datetime
from typing import Any

from response.actions.base import Action, actions
from response.actions.each import Each
from response.choices import StepState
from response.models import Run, StepRun
from secops.models import User


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
        max_attempts=action.max_attempts,
        on_failure=written["on_failure"],
        timeout_seconds=written["timeout_seconds"],
        state=StepState.PENDING,
        state_at=at,
    )
