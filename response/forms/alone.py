"""The form of one action outside of a runbook: its typed parameters, with what is the case's own to choose from."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.urls import reverse

from cases.models import Case, CaseDevice, CasePerson, Observable
from response.actions import blocking
from response.actions.base import Action
from response.services import alone
from secops.wording import defang

CONFIRM = "device_name"
REASON = "reason"
MOST_SHOWN = 200


class AloneForm(forms.Form):
    """Its ids start with d-, so that a dialog never repeats one of the page under it."""

    def clean(self) -> dict[str, Any]:
        """The name is refused where it was typed."""
        cleaned = dict(super().clean() or self.cleaned_data)
        if CONFIRM in cleaned and "device" in cleaned:
            field: Any = self.fields["device"]
            wanted = dict(field.choices)[cleaned["device"]]
            if not alone.is_same_name(cleaned[CONFIRM], wanted):
                self.add_error(CONFIRM, f"That is not {wanted}. Type {wanted} to say that it is the one.")
        return cleaned


def form_for(action: type[Action], case: Case, data: Any = None, *, chosen: Any = None) -> forms.Form:
    """Bound to what was posted, or empty; `chosen` are ids of the case's own by name, that stand there already."""
    extra: dict[str, forms.Field] = {}
    where = f"{reverse('response:alone', args=[case.pk])}?action={action.slug}"
    for name, (choices_of, text) in CHOICES.items():
        if name in action.Params.base_fields:
            choices = choices_of(case)
            first = [] if len(choices) == 1 else [("", "Choose one")]
            attrs = {"hx-get": where, "hx-trigger": "change", "hx-target": "#effect", "hx-swap": "outerHTML"}
            extra[name] = forms.TypedChoiceField(
                choices=first + choices, coerce=int, help_text=text, widget=forms.Select(attrs=attrs)
            )
    if alone.wants_reason(action):
        extra["comment"] = None  # type: ignore[assignment] # Django's way to leave out what the parent form has
        extra[REASON] = forms.CharField(
            label="Reason, in your own words",
            min_length=alone.MIN_REASON,
            max_length=alone.MAX_REASON,
            help_text="For who approves, the timeline and the log of the product that does it.",
            widget=forms.Textarea(attrs={"class": "area", "rows": 2, "data-draft": f"alone-{action.slug}-{case.pk}"}),
        )
    if alone.wants_name(action):
        extra[CONFIRM] = forms.CharField(
            label="Type its name",
            max_length=255,
            help_text="No runbook says that it is the right one.",
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-confirms": "device"}),
        )
    form: forms.Form = type("AloneForm", (AloneForm, action.Params), extra)(data, initial=chosen, auto_id="d-%s")
    return form


def _devices(case: Case) -> list[tuple[Any, str]]:
    parts = CaseDevice.objects.filter(case=case).select_related("device").order_by("pk")
    return [(part.device_id, part.device.name) for part in parts]


def _people(case: Case) -> list[tuple[Any, str]]:
    parts = CasePerson.objects.filter(case=case).select_related("person").order_by("pk")
    return list({part.person_id: str(part.person) for part in parts}.items())


def _observables(case: Case) -> list[tuple[Any, str]]:
    """What can be blocked at all, what is judged a sign of compromise first; as text, not to be clicked."""
    found = Observable.objects.filter(links__case=case, kind__in=blocking.KINDS, is_noise=False).distinct()
    shown = found.order_by("-is_indicator", "pk")[:MOST_SHOWN]
    return [(one.pk, f"{defang(one.value, one.kind)} ({one.get_kind_display()})"[:200]) for one in shown]


CHOICES: dict[str, tuple[Callable[[Case], list[tuple[Any, str]]], str]] = {
    "device": (_devices, "One of the case's devices."),
    "person": (_people, "One of the case's people."),
    "observable": (_observables, "One of the case's addresses, domains, URLs and files."),
}
