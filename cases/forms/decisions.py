"""What a person decides about a case, with the reason where one is due."""

from typing import Any

from django import forms
from django.http import QueryDict

from cases.choices import Disposition
from secops.access import RoleName
from secops.models import User

WORKERS = (RoleName.ANALYST, RoleName.RESPONDER)


class DecisionForm(forms.Form):
    """Its ids start with d-, so that a dialog never repeats one of the page under it."""

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, auto_id="d-%s")


class PersonField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Offers people by the name that the pages use."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.display_name)


class EscalateForm(DecisionForm):
    title = forms.CharField(
        max_length=300,
        required=False,
        label="Title",
        widget=forms.TextInput(attrs={"autofocus": True}),
        help_text="What the case is about, for everybody who joins now.",
    )


class AssignForm(DecisionForm):
    assignee = PersonField(
        User.objects.filter(is_active=True, groups__name__in=WORKERS)
        .distinct()
        .order_by("first_name", "last_name", "username"),
        required=False,
        empty_label="Nobody",
        label="Assign to",
        widget=forms.Select(attrs={"autofocus": True}),
    )


class CloseForm(DecisionForm):
    disposition = forms.ChoiceField(
        choices=Disposition.choices,
        initial=Disposition.FALSE_POSITIVE,
        label="What was it?",
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        max_length=5_000,
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        error_messages={"required": "Say in a sentence why: the next shift will read it."},
    )


class NoteForm(DecisionForm):
    text = forms.CharField(max_length=20_000, label="Note", widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}))


class ConfirmForm(DecisionForm):
    """Nothing to fill in: the button is the answer."""
