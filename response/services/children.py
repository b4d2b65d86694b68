"""Child runs: a step `start_runbook` that ended well has its run inserted in the same transaction, so exactly once."""

from uuid import uuid5

from cases.models import Device
from response.actions.start_runbook import StartRunbook, live_version
from response.choices import RunState
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
    if version is None:
        transitions.tell(run, f"{step.params['runbook']} was switched off, so no run starts for {name}", step=step)
    elif depth(run) >= MOST_PARENTS:
        transitions.tell(run, f"No run starts for {name}: this one is a child of a child already", step=step)
    elif found := _of_device(run, version.runbook_id, device_id):
        _link(step, found)
        transitions.tell(
            run, f"{name} has run {found.pk} of {version.runbook} already, so no second one starts", step=step
        )
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
        transitions.tell(run, f"Started {version} for {name}, as run {child.pk}", step=step)
        progress.advance(transitions.locked_run(child.pk))


def depth(run: Run) -> int:
    """How many runs it descends from."""
    count, parent_id = 0, run.parent_id
    while parent_id is not None and count <= MOST_PARENTS:
        count, parent_id = count + 1, Run.objects.values_list("parent_id", flat=True).get(pk=parent_id)
    return count


def _of_device(run: Run, runbook_id: int, device_id: int) -> Run | None:
    """The run of that runbook that the device has in this case; a run without a device acts on the case's first."""
    same = Run.objects.filter(case=run.case, version__runbook=runbook_id).exclude(state__in=GONE)
    found = same.filter(device=device_id).first()
    if found is None and acts_on(run) == device_id:
        found = same.filter(device=None).first()
    return found


def acts_on(run: Run) -> int | None:
    """The device that the run acts on."""
    first = run.case.case_devices.order_by("pk").values_list("device_id", flat=True).first()
    return run.device_id or first


def _link(step: StepRun, child: Run) -> None:
    step.data = step.data | {"run": child.pk}
    StepRun.objects.filter(pk=step.pk).update(data=step.data)
