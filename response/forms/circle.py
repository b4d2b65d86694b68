"""What people write on the page of a restricted case: a mandate, a member, an ending."""

from typing import Any

from django import forms

from cases.forms.decisions import PersonField
from cases.models import Case
from cases.services import members
from response.services.mandates import LONGEST, NO_CONFLICT
from secops.models import User


class CircleForm(forms.Form):
    """Several stand on one page, so each has ids of its own."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id=f"{type(self).__name__.lower()}-%s")


class MandateForm(CircleForm):
    legal_basis = forms.CharField(max_length=300, help_text="The law or agreement, with its paragraph.")
    scope = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whose data, from which devices and logs, over which time, and what is left out.",
    )
    days = forms.IntegerField(label="Valid for days", min_value=1, max_value=LONGEST.days, initial=14)
    states_no_conflict = forms.BooleanField(label=NO_CONFLICT)


class MemberForm(CircleForm):
    user = PersonField(User.objects.none(), label="Person")

    def __init__(self, case: Case) -> None:
        """Offers who can be named; what was chosen is judged by who names."""
        super().__init__()
        self.fields["user"].queryset = members.nameable(case)  # type: ignore[attr-defined]


class UncoverForm(CircleForm):
    reason = forms.CharField(
        max_length=500,
        min_length=10,
        label="Why is it not covert any more?",
        help_text="What shows that somebody else drove the device. From here on the subject may notice what is done.",
    )


class UnfoundedForm(CircleForm):
    reason = forms.CharField(max_length=500, min_length=10, label="Why is it unfounded?")
    keep_until = forms.DateField(
        label="Keep untouched until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="After that day it is to be erased. Erasing is a person's act: nothing is erased by itself.",
    )
