"""Confirm that the device is the one meant, by its device id, and who owns it."""

from typing import Any

from django import forms

from cases.models import Device
from cases.services import devices, people
from response.actions.base import Action, Call, Done, Plan, actions
from response.actions.targets import DeviceField
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from secops.connectors.capabilities.identity import DeviceRecord, Host, PersonRecord
from secops.http import HttpError
from secops.integrations import connector_of, with_capability

NOT_FOUND = 404


@actions.register
class ConfirmDevice(Action):
    """Asks the EDR, so that what comes after acts on a device id and never on an address."""

    slug = "confirm_device"
    label = "Confirm device and owner"
    phase = Phase.DETECTION
    risk = Risk.READ
    effect = Effect.READ
    capability = "isolate"
    is_noticeable = False
    traces = "One query in the log of the EDR and of the directory."

    class Params(forms.Form):
        device = DeviceField()

    def plan(self, call: Call) -> Plan:
        return Plan(what=f"Confirm {call.device.device.name} and its owner", consequence="Reads only.")

    def do(self, call: Call) -> Done:
        host = call.host
        records, owner = _in_directories(host)
        agent_id = host.agent_id or next((record.agent_id for record in records if record.agent_id), "")
        if not agent_id:
            raise ActionError(f"{host.name} is not known by the EDR: no device id. It cannot be isolated from here.")
        if not _is_known(call, agent_id):
            raise ActionError(f"The EDR does not know {host.name} by device id {agent_id}.")
        who = owner.name or owner.login if owner else "owner not known"
        data = {"device": host.name, "agent_id": agent_id, "owner": owner.login if owner else ""}
        return Done(text=f"{host.name} by device id, {who}", data=data | {"records": _plain(records, owner)})

    def apply(self, call: Call, done: Done) -> None:
        records = done.data.pop("records")
        device = call.device.device
        if not device.agent_id and not Device.objects.filter(agent_id=done.data["agent_id"]).exists():
            Device.objects.filter(pk=device.pk).update(agent_id=done.data["agent_id"])
        if records["owner"]:
            people.attach(call.case.pk, PersonRecord(**records["owner"]), "owner")
        for record in records["devices"]:
            devices.attach(call.case.pk, DeviceRecord(**record), address=call.device.address)


def _in_directories(host: Host) -> tuple[list[DeviceRecord], PersonRecord | None]:
    """What every directory says of the device; the owner from the first that knows the person."""
    directories: list[Any] = [connector_of(one) for one in with_capability("directory")]
    records = [record for one in directories if (record := one.find_device(host)) is not None]
    login = next((record.owner_login for record in records if record.owner_login), "")
    owners = (one.find_person(login) for one in directories) if login else ()
    return records, next((owner for owner in owners if owner is not None), None)


def _is_known(call: Call, agent_id: str) -> bool:
    host = call.device.device.host(call.device.address)
    asked = type(host)(name=host.name, agent_id=agent_id, address=host.address, mac=host.mac, group=host.group)
    try:
        if hasattr(call.connector, "posture"):
            return call.connector.posture(asked) is not None
        return bool(call.connector.isolation_state(asked).state)
    except HttpError as error:
        if error.status == NOT_FOUND:
            return False
        raise


def _plain(records: list[DeviceRecord], owner: PersonRecord | None) -> dict[str, Any]:
    keys = ("name", "agent_id", "directory_id", "mac", "os", "kind", "group", "site", "owner_login", "is_critical")
    person = ("login", "upn", "name", "title", "department", "site", "manager_login", "manager_name")
    return {
        "devices": [{key: getattr(record, key) for key in keys} for record in records],
        "owner": {key: getattr(owner, key) for key in person} if owner else None,
    }
