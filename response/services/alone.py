"""An action alone from a case: a run of one step, under the same policy as any runbook."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cases.models import Case
from response.actions.base import Action, Call, Plan, actions
from response.actions.targets import OF_CASE, case_device
from response.choices import Risk
from response.errors import ActionError, ApprovalError, RunbookError
from response.models import Run
from response.services import internal, policy, runs
from secops.access import May, require
from secops.models import User

KEY = "do"
MIN_REASON = 10  # characters; no runbook says why
MAX_REASON = 200  # what the log of a product takes


def offered(case: Case) -> list[type[Action]]:
    """What may run alone here: what goes through a product, and what a covert case does not refuse."""
    return [one for one in actions if one.is_written and one.capability and not policy.refusal(one(), case, {})]


def wants_name(action: type[Action]) -> bool:
    """Must the name of the device be typed? No runbook says that it is the right one."""
    return action.risk == Risk.DISRUPTIVE and "device" in action.Params.base_fields


def wants_reason(action: type[Action]) -> bool:
    """Must somebody say why, for the timeline and for who approves?"""
    return action.risk == Risk.DISRUPTIVE


def is_same_name(typed: str, name: str) -> bool:
    """Is that what was typed to say that it is the one?"""
    return typed.strip().upper() == name.upper()


def plan(action: type[Action], case: Case, values: Mapping[str, Any]) -> Plan | None:
    """What it would do to the target that was chosen; None while none of the case is."""
    found = [(find, values.get(name)) for name, find in OF_CASE.items() if name in action.Params.base_fields]
    if not found or any(find(case, value) is None for find, value in found):
        return None
    return action().plan(Call(case=case, step_id=0, params=dict(values), key=""))


def start(
    case: Case,
    slug: str,
    values: Mapping[str, Any],
    *,
    request_id: UUID,
    actor: User,
    device_name: str = "",
    reason: str = "",
) -> Run:
    """Start it once per `request_id`; `values` are those of the action's form, `device_name` what was typed.

    The reason goes on the timeline, to who approves, and into the product's own log where the action has a comment.

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
    reason = " ".join(reason.split())[:MAX_REASON]
    if wants_reason(action) and len(reason) < MIN_REASON:
        raise ApprovalError(f"Write why, in your own words: {MIN_REASON} characters or more.")
    own = {"comment": reason} if "comment" in action.Params.base_fields else {}
    params = action.clean(dict(values) | own, case)
    if problem := policy.refusal(action(), case, params):
        raise ActionError(problem)
    part = case_device(case, params.get("device"))
    if wants_name(action) and part is not None and not is_same_name(device_name, part.device.name):
        raise ApprovalError(f"Type the name of the device, {part.device.name}, to say that it is the one.")
    step = internal.step(KEY, action.slug, params) | {"help_text": reason}
    version = internal.version_of(f"alone-{action.slug}", f"{action.label}, alone", [step])
    return runs.begin(version, case, request_id=request_id, actor=actor, reason=reason)
