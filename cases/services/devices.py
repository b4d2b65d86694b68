"""Devices: found or made by their strongest key, and their part in a case."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from cases.choices import DeviceReason, DeviceState
from cases.intake.base import NormalDevice
from cases.intake.gate import clean_text
from cases.models import Case, CaseDevice, Device, Person, TimelineEntry
from cases.services import identity, timeline
from secops.connectors.capabilities.identity import DeviceRecord
from secops.models import User

KEYS = ("agent_id", "directory_id", "mac", "fqdn", "name")  # strongest first

_SIZES = {"agent_id": 64, "directory_id": 64, "mac": 17, "fqdn": 255, "name": 255, "os": 120}


def host_name(name: str) -> str:
    """The host name alone, as devices are named here: no domain, upper case."""
    return clean_text(name).strip().split(".", 1)[0].upper()[:255]


def keys_of(device: NormalDevice | DeviceRecord) -> dict[str, str]:
    """The record's keys in our spelling; empty when it has only an address."""
    fqdn = clean_text(getattr(device, "fqdn", "") or (device.name if "." in device.name else "")).casefold()
    found = {
        "agent_id": device.agent_id if getattr(device, "is_edr", True) else "",
        "directory_id": device.directory_id,
        "mac": device.mac.lower(),
        "fqdn": fqdn,
        "name": host_name(device.name or fqdn),
    }
    return {name: value[: _SIZES[name]] for name, value in found.items() if value}


def resolve(records: Sequence[NormalDevice | DeviceRecord]) -> list[Device | None]:
    """Find or make the device of each record; None for one that has nothing but an address. In a transaction."""
    wanted = [keys_of(record) for record in records]
    if not any(wanted):
        return [None] * len(records)
    rows = identity.candidates(Device.objects.all(), KEYS, wanted)
    found: list[Device | None] = []
    for record, keys in zip(records, wanted, strict=True):
        found.append(_one(record, keys, rows) if keys else None)
    return found


def _one(record: NormalDevice | DeviceRecord, keys: dict[str, str], rows: list[Device]) -> Device:
    facts = {**keys, "os": clean_text(record.os)[: _SIZES["os"]]}
    device: Device | None = identity.pick(KEYS, keys, rows)
    if device:
        if identity.fill(device, facts):
            device.save()
        return device
    device = Device(name=keys.get("name") or keys.get("agent_id") or next(iter(keys.values())).upper())
    identity.fill(device, facts)
    device.save(force_insert=True)
    rows.append(device)
    return device


@transaction.atomic
def attach(
    case_id: int,
    record: DeviceRecord,
    *,
    address: str = "",
    reason: DeviceReason | str = DeviceReason.ALERT,
    actor: User | None = None,
) -> CaseDevice:
    """Put a device into a case, or learn more of one that is in it; safe to repeat."""
    case = Case.objects.select_for_update().get(pk=case_id)
    device = resolve([record])[0]
    if device is None:
        raise ValueError("A device needs a name or an id.")
    _learn(device, record, address)
    part, is_new = CaseDevice.objects.get_or_create(
        case=case, device=device, defaults={"reason": reason, "address": address[:45]}
    )
    if address and not part.address:
        part.address = address[:45]
        part.save(update_fields=["address"])
    if is_new:
        why = "" if reason == DeviceReason.ALERT else f" ({DeviceReason(reason).label.lower()})"
        at = f" ({address})" if address else ""
        timeline.record(
            case_id,
            f"Device {device.name}{at} belongs to the case{why}.",
            kind=TimelineEntry.Kind.PERSON if actor else TimelineEntry.Kind.ENRICHMENT,
            actor=actor,
            refs={"device": device.pk},
        )
    _show(case, part)
    return part


def _learn(device: Device, record: DeviceRecord, address: str) -> None:
    """What directory or EDR say of group, site and owner is newer than what we knew."""
    for name, size in (("os", 120), ("kind", 40), ("group", 120), ("site", 120)):
        if value := getattr(record, name):
            setattr(device, name, clean_text(value)[:size])
    device.is_critical = device.is_critical or record.is_critical
    device.last_address = address[:45] or device.last_address
    if record.owner_login and device.owner is None:
        device.owner = Person.objects.filter(login=record.owner_login.casefold()).order_by("pk").first()
    device.save()


def _show(case: Case, part: CaseDevice) -> None:
    """The case's row names its first device; an address that stood there gives way to the name."""
    others = case.case_devices.exclude(pk=part.pk).exists()
    if not others and case.device_name != part.device.name:
        now = timezone.now()
        Case.objects.filter(pk=case.pk).update(device_name=part.device.name, updated_at=now)


@transaction.atomic
def set_state(case_id: int, device_id: int, state: DeviceState | str, *, actor: User | None = None) -> CaseDevice:
    """Where the device's containment stands; says nothing on the timeline, who changes it does."""
    now = timezone.now()
    part = CaseDevice.objects.select_for_update().get(case_id=case_id, device_id=device_id)
    part.state, part.state_at = DeviceState(state), now
    part.save(update_fields=["state", "state_at"])
    Case.objects.filter(pk=case_id).update(updated_at=now)
    return part
