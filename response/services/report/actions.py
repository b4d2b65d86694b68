"""What was done by whom with whose approval, what came of it, and what was undone."""

from typing import Any

from cases.models import Case, Device
from cases.services.whole import stamp
from response.models import Run, StepRun
from response.services.report import limits

Row = dict[str, Any]


def runs(case: Case) -> list[Row]:
    """Oldest first, each with its steps in their order."""
    every = Run.objects.filter(case=case).select_related("version__runbook", "requested_by").order_by("pk")
    steps: dict[int, list[StepRun]] = {}
    found = StepRun.objects.filter(run__case=case).select_related(
        "requested_by", "undone_by", "undoes", "allowed__allowance__approval__decided_by"
    )
    for step in found.prefetch_related("approvals__decided_by").order_by("run", "seq", "item"):
        steps.setdefault(step.run_id, []).append(step)
    names = _names([step for every_step in steps.values() for step in every_step])
    return [_run(run, steps.get(run.pk, []), names) for run in every]


def _run(run: Run, steps: list[StepRun], names: dict[str, str]) -> Row:
    return {
        "id": run.pk,
        "title": run.version.runbook.title,
        "version": run.version.number,
        "sha256": run.version.sha256,
        "state": run.get_state_display().lower(),
        "reason": run.state_reason,
        "requested_by": run.requested_by.display_name,
        "started_at": stamp(run.started_at),
        "ended_at": stamp(run.ended_at),
        "steps": [_step(step, names) for step in steps[: limits.MOST_STEPS]],
        "left_out": max(0, len(steps) - limits.MOST_STEPS),
    }


def _step(step: StepRun, names: dict[str, str]) -> Row:
    undo = getattr(step, "undone_by", None)
    return {
        "title": step.title,
        "action": step.action,
        "target": names.get(step.target, step.target),
        "state": step.state,
        "state_label": step.word,
        "at": stamp(step.state_at),
        "result": step.result or step.reason,
        "connector": step.connector,
        "requested_by": step.requested_by.display_name,
        "approvals_needed": step.approvals_needed,
        "approvals": [
            {
                "by": one.decided_by.display_name,
                "decision": one.decision,
                "proved_by": one.get_proved_by_display(),
                "reason": one.reason,
                "at": stamp(one.decided_at),
            }
            for one in step.approvals.all()
        ]
        + _with_hunt(step),
        "undoes": step.undoes.title if step.undoes else None,
        "undone_by": f"{undo.title}: {undo.get_state_display().lower()}" if undo else None,
    }


def _with_hunt(step: StepRun) -> list[Row]:
    """The approval of the hunt that found the device, when it is what the step went on."""
    used = getattr(step, "allowed", None)
    if used is None:
        return []
    approval = used.allowance.approval
    said = {"decision": "approved with the hunt", "reason": f"approval {approval.pk}"}
    return [{"by": approval.decided_by.display_name} | said | {"at": stamp(used.at)}]


def _names(steps: list[StepRun]) -> dict[str, str]:
    """device:12, and case:7:device:12, as the name of the device."""
    numbers: dict[str, int] = {}
    for target in {step.target for step in steps}:
        kind, _, number = target.rpartition(":")
        if kind.rpartition(":")[2] == "device":
            numbers[target] = int(number)
    devices = Device.objects.only("name").in_bulk(set(numbers.values()))
    return {target: devices[number].name for target, number in numbers.items() if number in devices}
