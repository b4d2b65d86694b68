"""A rule of suppression as a person writes it: the properties, why, and for how long."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from cases.errors import IncompleteError
from cases.models import AlertKind
from cases.models.suppressions import CONDITIONS
from cases.services import suppressions

DAYS = [("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days, the longest")]


class SuppressionForm(forms.Form):
    """`conditions` are there also while the reason is missing: they can be weighed before it is written."""

    kind = forms.ChoiceField(required=False)
    source = forms.CharField(max_length=60, required=False, label="Source")
    detector = forms.CharField(max_length=60, required=False, label="Detector")
    rule_id = forms.CharField(max_length=255, required=False, label="Rule id")
    title = forms.CharField(max_length=300, required=False, label="Title contains")
    device = forms.CharField(max_length=255, required=False, label="Device", help_text="Its host name.")
    network = forms.CharField(
        max_length=50, required=False, label="Address or network", help_text="Of the device or an end of the flow."
    )
    person = forms.CharField(max_length=255, required=False, label="User", help_text="Login or UPN.")
    observable = forms.CharField(
        max_length=1_000, required=False, label="Observable", help_text="The whole value; defanged is fine."
    )
    reason = forms.CharField(
        max_length=1_000,
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say in a sentence why: the next shift will read it."},
    )
    days = forms.ChoiceField(choices=DAYS, initial="7", label="For how long")

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        kinds = AlertKind.objects.filter(is_restricted=False).values_list("slug", "name")
        self.fields["kind"] = forms.ChoiceField(required=False, label="Kind", choices=[("", "Any"), *kinds])
        self.order_fields([*CONDITIONS, "reason", "days"])
        self.conditions: dict[str, str] = {}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if any(name in self.errors for name in CONDITIONS):
            return values
        try:
            self.conditions = suppressions.cleaned({name: values.get(name, "") for name in CONDITIONS})
        except IncompleteError as error:
            raise forms.ValidationError(str(error)) from error
        return values

    @property
    def properties(self) -> list[forms.BoundField]:
        return [self[name] for name in ("kind", "source", "detector", "rule_id", "title")]

    @property
    def subjects(self) -> list[forms.BoundField]:
        return [self[name] for name in ("device", "network", "person", "observable")]

    @property
    def expires_at(self) -> datetime:
        return timezone.now() + timedelta(days=int(self.cleaned_data["days"]))
