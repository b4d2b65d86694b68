"""An action alone from a case: a run of one step, under the same policy as any runbook."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cases.models import Case
from response.actions.base import Action, actions
from response.actions.targets import case_device
from response.choices import Risk
from response.errors import ActionError, ApprovalError, RunbookError
from response.models import Run
from response.services import internal, policy, runs
from secops.access import May, require
from secops.models import User

KEY = "do"


def offered(case: Case) -> list[type[Action]]:
    """What may run alone here: what goes through a product, and what a covert case does not refuse."""
    return [one for one in actions if one.is_written and one.capability and not policy.refusal(one(), case, {})]


def wants_name(action: type[Action]) -> bool:
    """Must the name of the device be typed? No runbook says that it is the right one."""
    return action.risk == Risk.DISRUPTIVE and "device" in action.Params.base_fields


def start(
    case: Case, slug: str, values: Mapping[str, Any], *, request_id: UUID, actor: User, device_name: str = ""
) -> Run:
    """Start it once per `request_id`; `values` are those of the action's form, `device_name` what was typed.

    NotAllowedError, RunbookError, ActionError, ApprovalError, or TransitionError for a case that is not escalated.
    """
    require(actor, May.WORK)
    if found := runs.already_started(request_id, case.pk, actor):
        return found
    action = actions.get(slug)
    if action is None or not action.is_written or not action.capability:
        raise RunbookError("There is no such action to run alone.")
    if "${{" in str(values):
        raise ActionError("An action alone takes values, no expressions.")
    params = action.clean(values, case)
    if problem := policy.refusal(action(), case, params):
        raise ActionError(problem)
    part = case_device(case, params.get("device"))
    if wants_name(action) and part is not None and device_name.strip().upper() != part.device.name.upper():
        raise ApprovalError(f"Type the name of the device, {part.device.name}, to say that it is the one.")
    version = internal.version_of(
        f"alone-{action.slug}", f"{action.label}, alone", [internal.step(KEY, action.slug, params)]
    )
    return runs.begin(version, case, request_id=request_id, actor=actor)
