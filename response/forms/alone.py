"""The form of one action outside of a runbook: its typed parameters, with the case's own devices to choose from."""

from typing import Any

from django import forms

from cases.models import Case, CaseDevice
from response.actions.base import Action
from response.services import alone

CONFIRM = "device_name"


def form_for(action: type[Action], case: Case, data: Any = None) -> forms.Form:
    """Bound to what was posted, or empty."""
    extra: dict[str, forms.Field] = {}
    if "device" in action.Params.base_fields:
        parts = CaseDevice.objects.filter(case=case).select_related("device").order_by("pk")
        choices = [(part.device_id, part.device.name) for part in parts]
        extra["device"] = forms.TypedChoiceField(choices=choices, coerce=int, help_text="One of the case's devices.")
    if alone.wants_name(action):
        extra[CONFIRM] = forms.CharField(
            label="Type its name",
            max_length=255,
            help_text="No runbook says that it is the right one.",
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        )
    form: forms.Form = type("AloneForm", (action.Params,), extra)(data)
    return form
