"""Let an isolated device back onto the network."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from cases.choices import DeviceState
from cases.services import devices
from response.actions.base import Action, Call, Check, DeviceField, Done, Plan, actions
from response.actions.isolation import NETWORK_DOOR, is_closed, read_back, signed_in
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from response.models import Capture


@actions.register
class ReleaseDevice(Action):
    """Also what undoes an isolation; it ends the packet capture of the device with a last file."""

    slug = "release_device"
    label = "Release device"
    phase = Phase.RECOVERY
    risk = Risk.DISRUPTIVE
    effect = Effect.VERIFY
    capability = "isolate"
    lane = "isolation"
    is_noticeable = True
    traces = "The user gets the network back; the action log of the EDR names it."
    undone_by = "isolate_device"
    undo_label = "Isolate again"

    class Params(forms.Form):
        device = DeviceField()
        comment = forms.CharField(required=False, max_length=200, help_text="For the product's own log.")

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        still = f" The network still holds {name} in quarantine." if is_closed(call, NETWORK_DOOR) else ""
        return Plan(
            what=f"Release {name}",
            consequence=f"{name} reaches the network again, and so does whatever still runs on it.{still}",
            who=signed_in(call),
            undo="Isolate again, one approval.",
            steps=(
                f"The EDR is asked to release {name}, known by its device id.",
                "The state is read back from the product until it says released.",
            ),
            if_unanswered=f"{name} stays isolated.",
        )

    def do(self, call: Call) -> Done:
        host = call.host
        if not host.agent_id:
            raise ActionError(f"{host.name} has no device id in the EDR, and an address is not enough to act on.")
        comment = " · ".join(part for part in (call.case.number, call.params.get("comment", "")) if part)
        handle = call.connector.release(host, comment, call.key)
        return Done(text=f"{host.name} is being released", handle=handle, is_final=False)

    def verify(self, call: Call) -> Check:
        return read_back(call, wanted="released", pending="pending_release")

    def apply(self, call: Call, done: Done) -> None:
        device_id = call.params["device"]
        state = DeviceState.ISOLATED if is_closed(call, NETWORK_DOOR) else DeviceState.RELEASED
        devices.set_state(call.case.pk, device_id, state)
        Capture.objects.of(call.case, device_id).ask_to_stop("The device was released", timezone.now())

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"device": params["device"], "comment": ""}
