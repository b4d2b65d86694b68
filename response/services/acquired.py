"""What the runs that a run descends from acquired of its device lately: a child copies no memory a second time."""

from datetime import timedelta

from response.actions.acquisition import Acquire
from response.actions.base import actions
from response.choices import StepState
from response.models import Run, StepRun
from response.services import clock
from secops.wording import clock as moment

FIELD = "device.acquired"  # as a condition names it
FRESH = timedelta(hours=12)  # what is older shows another device


def of(run: Run, device_id: int) -> dict[str, str]:
    """Slugs of actions, each with what came of it in words. A run that a person starts anew descends from none."""
    above, case = [], run.case
    while run.parent is not None:
        run = run.parent
        above.append(run.pk)
    if not above:
        return {}
    slugs = [one.slug for one in actions if issubclass(one, Acquire)]
    done = StepRun.objects.filter(
        run__in=above,
        action__in=slugs,
        state=StepState.SUCCEEDED,
        params__device=device_id,
        state_at__gt=clock.now() - FRESH,
    )
    here = set(case.evidence.filter(destroyed_at=None).values_list("seq", "copy"))
    return {
        one.action: f"Run {one.run_id} has it since {moment(one.state_at)}: {', '.join(numbers)}"
        for one in done.order_by("state_at", "pk")
        if (numbers := one.data.get("evidence")) and all(_place(number) in here for number in numbers)
    }


def _place(number: str) -> tuple[int, int]:
    """E-3 or E-3.1; what a person only said to have happened names none."""
    seq, _, copy = number.removeprefix("E-").partition(".")
    return int(seq), int(copy or 0)
