"""What closes a door of a device, and what opens it: by the EDR or by the network, held by a read-back, undone by each
other."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils import timezone

from cases.choices import DeviceState
from cases.services import devices
from response.actions.base import Action, Call, Done
from response.actions.isolation import is_closed
from response.actions.readiness import before_release
from response.actions.targets import DeviceField
from response.choices import Effect, Phase, Risk
from response.models import Capture


class Door(Action):
    """One door of one device."""

    risk = Risk.DISRUPTIVE
    effect = Effect.VERIFY
    is_noticeable = True

    class Params(forms.Form):
        device = DeviceField()
        comment = forms.CharField(
            required=False, max_length=200, help_text="For the product's own log; the case number is added."
        )

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"device": params["device"], "comment": ""}


class Closing(Door):
    """The device is isolated by it; partly is not isolated."""

    phase = Phase.CONTAINMENT

    def apply(self, call: Call, done: Done) -> None:
        devices.set_state(call.case.pk, call.params["device"], DeviceState.ISOLATED)

    def partly(self, call: Call) -> None:
        devices.set_state(call.case.pk, call.params["device"], DeviceState.PARTLY_ISOLATED)


class Opening(Door):
    """The device is released by it, unless its other door is closed; its packet capture ends with a last file."""

    phase = Phase.RECOVERY
    other_door: ClassVar[tuple[str, str]]
    opened: ClassVar[str]  # why the capture ends

    def facts(self, call: Call) -> tuple[tuple[str, str], ...]:
        return before_release(call)

    def apply(self, call: Call, done: Done) -> None:
        device_id = call.params["device"]
        state = DeviceState.ISOLATED if is_closed(call, self.other_door) else DeviceState.RELEASED
        devices.set_state(call.case.pk, device_id, state)
        Capture.objects.of(call.case, device_id).ask_to_stop(self.opened, timezone.now())


def reason(call: Call) -> str:
    """For the product's own log: the case's number, and the comment."""
    return " · ".join(part for part in (call.case.number, call.params.get("comment", "")) if part)
