"""What is left alone: devices by what they are, and all devices of a group while they are maintained."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from cases.models import Case, Device
from response.actions.base import Action
from response.actions.targets import case_device
from response.choices import Phase, Risk
from response.models import MaintenanceWindow, ProtectedDevices
from response.services import clock

SHIPPED = (
    ("a server", "server"),
    ("a domain controller", "domain_controller"),
    ("a hypervisor", "hypervisor"),
)
INSTEAD = "Close its port, disable the account or stop the process instead: many people work on it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """A maintenance window that is on. `until` in UTC."""

    text: str
    until: datetime


def problem(action: Action, case: Case, params: dict[str, Any]) -> str:
    """Why the device is left alone by this action, or nothing. Giving it back to its people is always possible."""
    if action.risk != Risk.DISRUPTIVE or action.phase == Phase.RECOVERY:
        return ""
    part = case_device(case, params.get("device"))
    found = listed(part.device) if part is not None else None
    if part is None or found is None:
        return ""
    said = f"{part.device.name} is {found.what}, on the do-not-isolate list"
    return f"{said}. {found.reason}" if found.reason else said


def listed(device: Device) -> ProtectedDevices | None:
    """The entry of the list that holds the device."""
    return next((one for one in ProtectedDevices.objects.filter(is_enabled=True) if one.holds(device)), None)


def maintained(action: Action, case: Case, params: dict[str, Any]) -> Maintained | None:
    """The window that holds a disruptive step back now; of several the one that ends last."""
    if action.risk != Risk.DISRUPTIVE:
        return None
    at = clock.now()
    part = case_device(case, params.get("device"))
    of_it = Q(device_group="") | (Q(device_group=part.device.group) if part is not None else Q())
    windows = MaintenanceWindow.objects.filter(of_it).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))
    found = [(one.until(at), one) for one in windows if one.covers(at)]
    if not found:
        return None
    until, window = max(found, key=lambda pair: pair[0])
    until = until.astimezone(at.tzinfo)
    day = "" if until.date() == at.date() else f"{until.day} {until:%b} "
    whose = f" of {window.device_group}" if window.device_group else ""
    return Maintained(text=f"Maintenance{whose} until {day}{until:%H:%M} UTC: {window.reason}", until=until)


def install() -> str:
    """What comes with the product, once: an entry that an admin removed stays away as long as any is left."""
    if ProtectedDevices.objects.exists():
        return "The do-not-isolate list is there"
    for what, kind in SHIPPED:
        ProtectedDevices.objects.create(what=what, kind=kind, reason=INSTEAD)
    return f"The do-not-isolate list holds {len(SHIPPED)} kinds of devices"


def counts_until(action: Action, case: Case, params: dict[str, Any], seconds: float) -> datetime:
    """How long an approval of now counts: a step that waits for the end of a window still has its time after it."""
    window = maintained(action, case, params)
    return (window.until if window else clock.now()) + timedelta(seconds=seconds)
