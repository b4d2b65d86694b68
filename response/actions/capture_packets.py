"""Capture all packets of a device until it is released: begun before its door is closed, so nothing is missed."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from cases.models import Case
from response.actions.base import Action, Call, Done, Plan, actions
from response.actions.network import no_capture_words, on_network
from response.actions.targets import DeviceField
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from response.models import Capture, StepRun
from secops.wording import duration


@actions.register
class CapturePackets(Action):
    """The step ends once the sensor captures; its files come by and by, as evidence (response.services.captures)."""

    slug = "capture_packets"
    label = "Capture packets"
    phase = Phase.CONTAINMENT
    risk = Risk.REVERSIBLE
    effect = Effect.KEYED
    capability = "capture"
    lane = "capture"
    is_noticeable = False
    needs_mandate = True
    traces = "Queries in the log of the sensor, which its administrators read. Nothing on the device or the network."
    undone_by = "stop_capture"
    undo_label = "Stop"

    class Params(forms.Form):
        device = DeviceField()
        rotate_seconds = forms.IntegerField(
            label="A file every",
            min_value=30,
            max_value=3_600,
            required=False,
            help_text="Seconds; empty: 300. Each finished file is sealed as evidence.",
        )

    def target(self, case: Case, params: Mapping[str, Any]) -> str:
        return capture_of(case, params)

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        return Plan(
            what=f"Capture the packets of {name}",
            consequence=f"Everything that {name} sends and receives is kept, unfiltered, {until(call.case)}.",
            warning=no_capture_words(call.host),
            undo="Stop; what was captured stays.",
            steps=(
                "The sensor is asked for all packets of the device; those of the minutes before belong to it.",
                f"A file every {duration(every(call))} is sealed as evidence; destinations that are new join the case.",
                f"It ends with a last file when {name} is released, somebody stops it, or the case is closed.",
            ),
            if_unanswered="No packets are kept by this case.",
        )

    def do(self, call: Call) -> Done:
        """One call: what it started has its row at once, and any trouble after it is the first look's."""
        if running := _running(call):
            return Done(text=f"The packets of {running.device.name} are captured already", handle=running.handle)
        host = on_network(call)
        if not host.mac and not host.address:
            raise ActionError(
                f"No packet capture is possible: neither an address nor a MAC of {host.name} is known. "
                "An EDR or directory that knows its MAC address would help."
            )
        handle = call.connector.start_capture(host, call.key, rotate_seconds=every(call))
        text = f"Capturing the packets of {host.name}, a file every {duration(every(call))}, {until(call.case)}"
        data = {"mac": host.mac, "address": host.address}
        return Done(text=text, handle=handle, data=data)

    def apply(self, call: Call, done: Done) -> None:
        if _running(call):
            return
        now = timezone.now()
        Capture.objects.get_or_create(
            step_id=call.step_id,
            defaults={
                "case": call.case,
                "device_id": call.params["device"],
                "integration": StepRun.objects.values_list("connector", flat=True).get(pk=call.step_id),
                "handle": done.handle,
                "mac": str(done.data.get("mac", ""))[:17],
                "address": str(done.data.get("address", ""))[:45],
                "rotate_seconds": every(call),
                "started_at": now,
                "next_at": now,
            },
        )

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"device": params["device"]}


def capture_of(case: Case, params: Mapping[str, Any]) -> str:
    """A capture belongs to its case: no other one waits for it, or learns from a wait that the device is watched."""
    return f"case:{case.pk}:device:{params['device']}"


def until(case: Case) -> str:
    """When it ends by itself: nobody is released who was never isolated."""
    return "until it is stopped or the case is closed" if case.is_covert else "until release"


def every(call: Call) -> int:
    """Seconds of one file."""
    return int(call.params.get("rotate_seconds") or 300)


def _running(call: Call) -> Capture | None:
    return Capture.objects.of(call.case, call.params["device"]).filter(state="running").first()
