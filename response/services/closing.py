"""Runs of closed cases: what they have not sent is taken back, so nobody is asked or paged for it any more."""

from django.db import transaction
from django.db.models import Exists, OuterRef

from cases.choices import Stage
from response.choices import BEFORE_SENDING, ENDED_STEP, RunState, StepState
from response.models import Run, StepRun
from response.services import progress, transitions

GOES_ON = (RunState.RUNNING, RunState.PAUSED)
BATCH = 50


def stop_runs() -> int:
    """For the clock: stop each that still has steps of its own; how many. What was sent is finished, undos go on."""
    own = StepRun.objects.filter(run=OuterRef("pk"), undoes__isnull=True).exclude(state__in=ENDED_STEP)
    found = Run.objects.filter(Exists(own), case__stage=Stage.CLOSED, state__in=GOES_ON)
    return sum(_stop(pk) for pk in found.order_by("pk").values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _stop(run_id: int) -> bool:
    run = transitions.locked_run(run_id)
    if run.case.is_open or run.state not in GOES_ON or _is_learning(run):
        return False
    text = f"{run.case.number} was closed"
    progress.set_run(run, RunState.STOPPING, reason=text, story=f"Stopped {run.version}: {text}")
    progress.withdraw(run, BEFORE_SENDING[:3], text)
    progress.advance(run)
    return True


def _is_learning(run: Run) -> bool:
    """Will a step be sent again under its key, so that it is learnt what became of it? Not while a person holds it."""
    ready = StepRun.objects.filter(run=run, state=StepState.READY, undoes__isnull=True)
    return run.state == RunState.RUNNING and any(map(transitions.in_doubt, ready))
