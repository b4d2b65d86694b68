"""Child runs: a step `start_runbook` that ended well has its run inserted in the same transaction, so exactly once."""

from uuid import uuid5

from django.db.models import Q

from cases.choices import CONTAINED
from cases.models import Device
from response.actions.start_runbook import StartRunbook, live_version
from response.choices import ENDED_RUN, RunState
from response.models import Run, StepRun
from response.services import progress, rows, transitions

MOST_PARENTS = 2  # a child of a child starts none
GONE = (RunState.FAILED, RunState.CANCELLED)


def start_for(step: StepRun) -> None:
    """Insert and open the run that the step asked for, unless the device has one; the parent's row is locked."""
    if step.action != StartRunbook.slug:
        return
    run, device_id = step.run, step.params["device"]
    name = Device.objects.values_list("name", flat=True).get(pk=device_id)
    version = live_version(step.params["runbook"])
    if not run.case.is_open:
        _say(step, f"{run.case.number} is closed, so no run starts for {name}")
    elif version is None:
        _say(step, f"{step.params['runbook']} was switched off, so no run starts for {name}")
    elif depth(run) >= MOST_PARENTS:
        _say(step, f"No run starts for {name}: this one is a child of a child already")
    elif found := _of_device(run, version.runbook_id, device_id):
        _link(step, found)
        _say(step, f"{name} has run {found.pk} of {version.runbook} already, so no second one starts")
    else:
        child = rows.insert_run(
            version,
            run.case,
            uuid5(step.idem_key, "child"),
            step.requested_by,
            parent=run,
            device_id=device_id,
        )
        _link(step, child)
        _say(step, f"Started {version} for {name}, as run {child.pk}")
        progress.advance(transitions.locked_run(child.pk))


def depth(run: Run) -> int:
    """How many runs it descends from."""
    count, parent_id = 0, run.parent_id
    while parent_id is not None and count <= MOST_PARENTS:
        count, parent_id = count + 1, Run.objects.values_list("parent_id", flat=True).get(pk=parent_id)
    return count


def _of_device(run: Run, runbook_id: int, device_id: int) -> Run | None:
    """The run of that runbook that the device has in this case. A run without a device acts on the case's first.

    Who starts anew is answered anew by a device that is not contained: a run whose isolation was refused or never
    approved has ended and answers nothing. A child asks nobody a second time.
    """
    parts = run.case.case_devices.order_by("pk")
    acts_on = Q(device=device_id)
    if parts.values_list("device_id", flat=True).first() == device_id:
        acts_on |= Q(device=None)
    same = Run.objects.filter(acts_on, case=run.case, version__runbook=runbook_id).exclude(state__in=GONE)
    if run.parent_id is None and not parts.filter(device=device_id, state__in=CONTAINED).exists():
        same = same.exclude(state__in=ENDED_RUN)
    return same.first()


def _say(step: StepRun, text: str) -> None:
    """What became of it, on the timeline and as the step's result: it was asked for, which is not yet a run."""
    step.result = text[:1000]
    StepRun.objects.filter(pk=step.pk).update(result=step.result)
    transitions.tell(step.run, text, step=step)


def _link(step: StepRun, child: Run) -> None:
    step.data = step.data | {"run": child.pk}
    StepRun.objects.filter(pk=step.pk).update(data=step.data)
