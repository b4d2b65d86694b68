"""What a person hunts for: observables of the case, values line by line, a Sigma rule, where and how far back."""

from typing import Any

from django import forms

from cases.models import Case
from response.actions.hunt import MOST_DAYS
from secops.hunting.clauses import OF_OBSERVABLE, ClauseError, ClauseKind, read

MOST_OFFERED = 40  # observables of the case
LINES = [(kind.value, kind.label) for kind in ClauseKind if kind != ClauseKind.SIGMA]


class HuntForm(forms.Form):
    """`params` is what the action takes, once the form is valid."""

    observables = forms.MultipleChoiceField(
        required=False, label="Of this case", widget=forms.CheckboxSelectMultiple, choices=()
    )
    kind = forms.ChoiceField(choices=LINES, label="Kind", required=False)
    values = forms.CharField(
        required=False,
        max_length=20_000,
        label="Values",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line. In paths, names, keys and command lines * is anything.",
    )
    rule = forms.CharField(
        required=False,
        max_length=40_000,
        label="Sigma rule",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="YAML, one rule for events of Windows.",
    )
    group = forms.CharField(required=False, max_length=120, label="Device group", help_text="Empty: all devices.")
    days = forms.IntegerField(min_value=1, max_value=MOST_DAYS, initial=30, label="Days back")

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = {str(link.observable_id): link.observable for link in huntable(case)}
        self.fields["observables"].choices = [(pk, one.value) for pk, one in self._known.items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        chosen = [self._known[pk] for pk in data["observables"]]
        given = [{"kind": OF_OBSERVABLE[one.kind].value, "value": one.value} for one in chosen]
        lines = [line.strip() for line in data["values"].splitlines() if line.strip()]
        given += [{"kind": data["kind"] or ClauseKind.SHA256.value, "value": line} for line in lines]
        given += [{"kind": ClauseKind.SIGMA.value, "value": data["rule"]}] if data["rule"].strip() else []
        try:
            clauses = read(given)
        except ClauseError as error:
            raise forms.ValidationError(str(error)) from error
        self.params = {"clauses": [one.plain for one in clauses], "group": data["group"], "days": data["days"]}
        return data


def huntable(case: Case) -> list[Any]:
    """Links to observables of the case that can be hunted for, those that sources call malicious first."""
    links = case.links.filter(observable__kind__in=OF_OBSERVABLE, observable__is_noise=False)
    found = {link.observable_id: link for link in links.select_related("observable").order_by("pk")}
    ranked = sorted(found.values(), key=lambda link: link.observable.verdict != "malicious")
    return ranked[:MOST_OFFERED]
