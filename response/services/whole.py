"""The runs of a case as JSON: CONTRACTS.md part 2."""

from typing import Any

from cases.models import Case
from response.models import AllowanceUse, Override, Run, StepRun


def section(case: Case) -> dict[str, Any]:
    """{"runs": [...]}, oldest first."""
    runs = Run.objects.filter(case=case).select_related("version__runbook", "device").order_by("pk")
    return {"runs": [_run(run) for run in runs]}


def _run(run: Run) -> dict[str, Any]:
    steps = (
        StepRun.objects.filter(run=run)
        .select_related("undone_by", "override__standing", "override__by", "allowed__allowance__approval__decided_by")
        .prefetch_related("approvals__decided_by")
    )
    return {
        "id": run.pk,
        "runbook": run.version.runbook.slug,
        "version": run.version.number,
        "state": run.state,
        "device": run.device.name if run.device else None,
        "parent": run.parent_id,
        "steps": [_step(step) for step in steps],
    }


def _step(step: StepRun) -> dict[str, Any]:
    undo = getattr(step, "undone_by", None)
    return {
        "key": step.key,
        "item": step.item,
        "action": step.action,
        "target": step.target,
        "state": step.state,
        "result": step.result or step.reason,
        "approvals": [
            {
                "by": one.decided_by.get_username(),
                "decision": one.decision,
                "at": one.decided_at.isoformat(),
                "proved_by": one.proved_by,
            }
            for one in step.approvals.all()
        ]
        + _in_place(step),
        "undone_by": undo.key if undo else None,
    }


def _in_place(step: StepRun) -> list[dict[str, Any]]:
    """What let the step go in the place of an approval of its own, as one more line of its approvals."""
    found: Override | None = getattr(step, "override", None)
    used: AllowanceUse | None = getattr(step, "allowed", None)
    lines: list[dict[str, Any]] = (
        [{"by": found.title, "decision": found.kind, "at": found.at.isoformat()}] if found else []
    )
    if used is not None:
        approval = used.allowance.approval
        with_hunt = {"by": approval.decided_by.get_username(), "decision": "with_hunt", "approval": approval.pk}
        lines.append(with_hunt | {"at": used.at.isoformat()})
    return lines
