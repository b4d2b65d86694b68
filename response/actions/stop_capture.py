"""End a packet capture: its last file is fetched, and what was captured stays."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from cases.models import Case
from response.actions.base import Action, Call, Check, Done, Held, Plan, actions
from response.actions.capture_packets import capture_of
from response.actions.targets import DeviceField
from response.choices import CaptureState, Effect, Phase, Risk
from response.models import Capture


@actions.register
class StopCapture(Action):
    """Also what undoes a capture. Asks the one that runs to end; it counts once the last file is here."""

    slug = "stop_capture"
    label = "Stop the packet capture"
    phase = Phase.RECOVERY
    risk = Risk.REVERSIBLE
    effect = Effect.VERIFY
    capability = "capture"
    lane = "capture"
    is_noticeable = False
    traces = "Queries in the log of the sensor, which its administrators read."
    undone_by = "capture_packets"
    undo_label = "Capture again"

    class Params(forms.Form):
        device = DeviceField()

    def target(self, case: Case, params: Mapping[str, Any]) -> str:
        return capture_of(case, params)

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        return Plan(
            what=f"Stop capturing the packets of {name}",
            consequence="What it does from here on is not kept.",
            undo="Capture again; the minutes in between may be lost.",
            if_unanswered="The capture goes on until the device is released.",
        )

    def do(self, call: Call) -> Done:
        captures = Capture.objects.of(call.case, call.params["device"])
        asked = captures.ask_to_stop(f"Stopped by {call.requested_by}", timezone.now())
        if not asked and not captures.live().exists():
            return Done(text=f"No packets of {call.device.device.name} were being captured")
        return Done(text="The capture ends with a last file", is_final=False)

    def verify(self, call: Call) -> Check:
        captures = Capture.objects.of(call.case, call.params["device"])
        name = call.device.device.name
        if captures.filter(state=CaptureState.RUNNING).exists():
            return Check(held=Held.NOT_DONE, text=f"The packets of {name} are still captured")
        if captures.live().exists():
            return Check(held=Held.NOT_YET, text="The last file is being fetched")
        return Check(held=Held.DONE, text=f"Capture of {name} ended")

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"device": params["device"]}
