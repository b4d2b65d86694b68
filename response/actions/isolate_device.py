"""Cut a device off the network, and believe it only when the device's own product says so."""

from collections.abc import Mapping
from typing import Any

from django import forms

from cases.choices import DeviceState
from cases.services import devices
from response.actions.base import Action, Call, Check, DeviceField, Done, Plan, actions
from response.actions.isolation import read_back, signed_in
from response.actions.network import vpn_words
from response.choices import Effect, Phase, Risk
from response.errors import ActionError


@actions.register
class IsolateDevice(Action):
    """Partly isolated is not isolated: it stays open and is shown in red."""

    slug = "isolate_device"
    label = "Isolate device"
    phase = Phase.CONTAINMENT
    risk = Risk.DISRUPTIVE
    effect = Effect.VERIFY
    capability = "isolate"
    lane = "isolation"
    is_noticeable = True
    traces = "The user loses the network; the action log of the EDR names it."
    undone_by = "release_device"
    undo_label = "Release"

    class Params(forms.Form):
        device = DeviceField()
        comment = forms.CharField(
            required=False, max_length=200, help_text="For the product's own log; the case number is added."
        )

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        return Plan(
            what=f"Isolate {name}",
            consequence=f"{name} loses the network within minutes. The EDR and this console still reach it.",
            warning=vpn_words(call.host),
            who=signed_in(call),
            undo="Release, one approval. Its disk is not touched.",
            steps=(
                f"The EDR is asked to isolate {name}, known by its device id.",
                "The state is read back from the product until it says isolated; partly isolated does not count.",
                "Nothing else is touched: no other device, no account. Cloud sessions stay open.",
            ),
            if_unanswered=f"{name} stays online, not contained.",
        )

    def do(self, call: Call) -> Done:
        host = call.host
        if not host.agent_id:
            raise ActionError(f"{host.name} has no device id in the EDR, and an address is not enough to act on.")
        comment = " · ".join(part for part in (call.case.number, call.params.get("comment", "")) if part)
        handle = call.connector.isolate(host, comment, call.key)
        return Done(text=f"{host.name} is being isolated", handle=handle, is_final=False)

    def verify(self, call: Call) -> Check:
        return read_back(call, wanted="isolated", pending="pending_isolate")

    def apply(self, call: Call, done: Done) -> None:
        devices.set_state(call.case.pk, call.params["device"], DeviceState.ISOLATED)

    def partly(self, call: Call) -> None:
        devices.set_state(call.case.pk, call.params["device"], DeviceState.PARTLY_ISOLATED)

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"device": params["device"], "comment": ""}
