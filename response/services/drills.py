"""Drill before trust: what cuts a device off is refused until its product has shown that, and the way back."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from cases.models import Case, Device
from cases.services import devices, opening
from response.actions.base import Action, actions
from response.actions.targets import case_device
from response.choices import Phase, Risk
from response.errors import ActionError, RunbookError
from response.models import Attempt, Drill, Run, StepRun
from response.services import clock, internal, runs, transitions
from secops.access import May, require
from secops.connectors.capabilities.identity import DeviceRecord
from secops.integrations import with_capability
from secops.models import AuditEntry, Integration, User

RANGE_NOTE = "Practice range: comes drilled, nothing real was cut off"


def needs_drill(action: Action | type[Action]) -> bool:
    """Disruptive to a device, through a product, and with a way back that a drill can show."""
    is_of_device = bool(action.capability) and "device" in action.Params.base_fields
    return is_of_device and action.risk == Risk.DISRUPTIVE and action.phase != Phase.RECOVERY and bool(action.undone_by)


def problem(action: Action, case: Case, params: dict[str, Any], *, run: Run | None = None) -> str:
    """Why the product is not trusted with this device yet, or nothing; `run` may be the drill itself."""
    if not needs_drill(action):
        return ""
    part, sources = case_device(case, params.get("device")), with_capability(action.capability)
    if part is None or not sources:
        return ""
    group = part.device.group
    of_it = Q(is_for_all_groups=True) | Q(device_group=group)
    own = Q(run=run, device=part.device) if run is not None and run.pk else Q(pk__in=[])
    done = Drill.objects.filter(integration=sources[0], action=action.slug)
    if done.filter(of_it & Q(released_at__isnull=False) | own).exists():
        return ""
    of_group = f"devices of the group {group}" if group else "devices of no known group"
    return (
        f"{sources[0]} has not shown yet that it can do this to {of_group} and undo it: no drill is recorded. "
        "A responder starts one under Approvals, Drills"
    )


def start(action_slug: str, name: str, *, request_id: UUID, actor: User) -> Run:
    """A case of its own in which the test device is cut off, verified and released, each on an approval of its own."""
    require(actor, May.STEER)
    if found := Run.objects.filter(request_id=request_id, requested_by=actor).first():
        return found
    action = actions.get(action_slug)
    if action is None or not needs_drill(action):
        raise RunbookError("There is nothing to drill in that action.")
    sources = with_capability(action.capability)
    if not sources:
        raise ActionError(f"No integration is set up that can do this ({action.capability})")
    record = _record(name)
    with transaction.atomic():
        case = opening.by_hand(f"Drill: {action.label} by {sources[0]} on {record.name}", actor=actor)
        part = devices.attach(case.pk, record, reason="analyst", actor=actor)
        version = internal.version_of(f"drill-{action.slug}", f"Drill: {action.label}", _steps(action, part.device))
        run = runs.begin(version, case, request_id=request_id, actor=actor)
        Drill.objects.create(
            integration=sources[0],
            capability=action.capability,
            action=action.slug,
            device_group=part.device.group,
            device=part.device,
            run=run,
            by=actor,
            started_at=clock.now(),
        )
    return run


def note(step: StepRun) -> None:
    """A disruptive step was just confirmed: of a drill, that is what it is for. The run's row is locked."""
    drill = Drill.objects.select_related("integration", "device").filter(run=step.run, released_at=None).first()
    if drill is None or drill.device is None or step.connector != drill.integration.name:
        return
    at, action = clock.now(), actions[drill.action]
    if step.action == action.slug:
        drill.isolated_at = Attempt.objects.filter(step=step).values_list("sent_at", flat=True).last() or at
        drill.verified_at = at
    elif step.action == action.undone_by and drill.verified_at is not None:
        drill.released_at, drill.device_group = at, drill.device.group  # the directory may have said it meanwhile
        text = f"Drill passed: {drill.integration} may {action.label.lower()} for {drill.group_text}"
        transitions.tell(step.run, text, step=step)
        AuditEntry.append(f"{text}, tried on {drill.device} in {step.run.case}", actor=drill.by)
    drill.save()


def record_range() -> None:
    """The practice range comes drilled, and says so; safe to repeat."""
    at = clock.now()
    for action in filter(needs_drill, actions):
        for one in with_capability(action.capability):
            if one.is_simulated:
                record_simulated(one, action, at)


def record_simulated(integration: Integration, action: type[Action], at: Any) -> Drill:
    """For all groups of a product that is only played."""
    times = {"started_at": at, "isolated_at": at, "verified_at": at, "released_at": at}
    return Drill.objects.get_or_create(
        integration=integration,
        action=action.slug,
        is_for_all_groups=True,
        defaults=times | {"capability": action.capability, "note": RANGE_NOTE},
    )[0]


def _steps(action: type[Action], device: Device) -> list[dict[str, Any]]:
    params = {"device": device.pk}
    first = [internal.step("confirm", "confirm_device", params)] if action.capability == "isolate" else []
    return [
        *first,
        internal.step("do", action.slug, params, after="confirm" if first else ""),
        internal.step("undo", action.undone_by, action().undo_params(params), after="do"),
    ]


def _record(name: str) -> DeviceRecord:
    """The test device by its name, as we know it; one that we do not know is looked up by the run's first step."""
    wanted = devices.host_name(name)
    if not wanted:
        raise ActionError("Name the test device.")
    known = list(Device.objects.filter(name=wanted)[:2])
    if len(known) > 1:
        raise ActionError(f"Several devices are called {wanted}, so it is not certain which one is meant.")
    if not known:
        return DeviceRecord(name=wanted)
    return DeviceRecord(name=wanted, agent_id=known[0].agent_id, directory_id=known[0].directory_id, mac=known[0].mac)
