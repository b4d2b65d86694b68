"""What the queue is asked for, as a form: a value that does not fit is left out, never an error page."""

from typing import Any

from django import forms
from django.http import QueryDict

from cases.choices import Severity, Stage

OPEN = ("", "Open")
SORTS = {
    "": "Severity, newest",
    "risk": "Risk",
    "sla": "Time left",
    "newest": "Newest",
    "oldest": "Oldest",
}


class QueueForm(forms.Form):
    """Everything that narrows or orders the list; all of it stands in the URL."""

    q = forms.CharField(required=False, max_length=200, label="Search")
    stage = forms.ChoiceField(required=False, choices=[OPEN, *Stage.choices, ("all", "All")], label="Stage")
    sev = forms.ChoiceField(
        required=False,
        choices=[("", "Any"), *((str(value), f"{label} and up") for value, label in reversed(Severity.choices))],
        label="Severity",
    )
    assignee = forms.ChoiceField(
        required=False, choices=[("", "Anybody"), ("me", "Me"), ("none", "Nobody")], label="Assignee"
    )
    sort = forms.ChoiceField(required=False, choices=list(SORTS.items()), label="Sort")
    after = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    peek = forms.RegexField(r"^CASE-[1-9]\d{0,17}$", required=False, widget=forms.HiddenInput)

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query, auto_id="f-%s")
        self.fields["q"].widget = forms.TextInput(
            attrs={"type": "search", "placeholder": "Title, device, person, address", "data-key": "/"}
        )

    def asked(self) -> dict[str, Any]:
        """The values that fit, without the empty ones."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
