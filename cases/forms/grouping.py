"""How the alerts of a kind become cases: what they share, for how long, how many."""

from django import forms

from cases.choices import GroupBy

MOST_HOURS = 720


class GroupingForm(forms.Form):
    by = forms.MultipleChoiceField(
        choices=GroupBy.choices,
        label="Alerts are one case when they share",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one: else all alerts of this kind would be one case."},
    )
    hours = forms.IntegerField(
        min_value=1,
        max_value=MOST_HOURS,
        label="Window in hours",
        help_text="An open case takes alerts for so long after its last one, by time of receipt.",
    )
    maximum = forms.IntegerField(
        min_value=1,
        max_value=1_000_000,
        required=False,
        label="At most so many alerts in one case",
        help_text="The next one opens another case. Empty: no maximum.",
    )
