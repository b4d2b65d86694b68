"""The form of one action outside of a runbook: its typed parameters, with what is the case's own to choose from."""

from collections.abc import Callable
from typing import Any

from django import forms

from cases.models import Case, CaseDevice, CasePerson, Observable
from response.actions import blocking
from response.actions.base import Action
from response.services import alone
from secops.wording import defang

CONFIRM = "device_name"
MOST_SHOWN = 200


def form_for(action: type[Action], case: Case, data: Any = None) -> forms.Form:
    """Bound to what was posted, or empty."""
    extra: dict[str, forms.Field] = {}
    for name, (choices_of, text) in CHOICES.items():
        if name in action.Params.base_fields:
            extra[name] = forms.TypedChoiceField(choices=choices_of(case), coerce=int, help_text=text)
    if alone.wants_name(action):
        extra[CONFIRM] = forms.CharField(
            label="Type its name",
            max_length=255,
            help_text="No runbook says that it is the right one.",
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        )
    form: forms.Form = type("AloneForm", (action.Params,), extra)(data)
    return form


def _devices(case: Case) -> list[tuple[int, str]]:
    parts = CaseDevice.objects.filter(case=case).select_related("device").order_by("pk")
    return [(part.device_id, part.device.name) for part in parts]


def _people(case: Case) -> list[tuple[int, str]]:
    parts = CasePerson.objects.filter(case=case).select_related("person").order_by("pk")
    return list({part.person_id: str(part.person) for part in parts}.items())


def _observables(case: Case) -> list[tuple[int, str]]:
    """What can be blocked at all, what is judged a sign of compromise first; as text, not to be clicked."""
    found = Observable.objects.filter(links__case=case, kind__in=blocking.KINDS, is_noise=False).distinct()
    shown = found.order_by("-is_indicator", "pk")[:MOST_SHOWN]
    return [(one.pk, f"{defang(one.value, one.kind)} ({one.get_kind_display()})"[:200]) for one in shown]


CHOICES: dict[str, tuple[Callable[[Case], list[tuple[int, str]]], str]] = {
    "device": (_devices, "One of the case's devices."),
    "person": (_people, "One of the case's people."),
    "observable": (_observables, "One of the case's addresses, domains, URLs and files."),
}
