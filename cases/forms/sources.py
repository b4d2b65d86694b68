"""What an admin says of a source, and what a person makes of a payload that could not be read."""

from typing import Any

from django import forms
from django.http import QueryDict

from cases.intake.base import detectors
from cases.intake.read import AUTO
from cases.models import RejectedPayload, Source
from secops.wording import escaped

MAX_TEXT = 200_000  # characters that a person may repair in a browser
LONGEST = 24 * 90  # hours


class ExpectForm(forms.Form):
    """After how long a silence a source opens a case."""

    watch = forms.ChoiceField(choices=Source.Watch.choices, label="A case when it is silent")
    hours = forms.IntegerField(
        min_value=1, max_value=LONGEST, required=False, label="Hours", help_text="Without any message."
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("watch") == Source.Watch.HOURS and not data.get("hours") and "hours" not in self.errors:
            self.add_error("hours", "Say after how many hours.")
        return data


class RepairForm(forms.Form):
    """`changed` is the text only where the person changed it, so that bytes which are no text stay as they came."""

    detector = forms.ChoiceField(label="Read as")
    text = forms.CharField(
        label="Text",
        required=False,
        strip=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 16, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text="The original is kept beside what you change.",
    )

    def __init__(self, rejected: RejectedPayload, data: QueryDict | None = None) -> None:
        self._was = editable(rejected.latest())
        known = [(AUTO, "Whatever it is"), *detectors.choices()]
        chosen = rejected.detector if rejected.detector in dict(known) else AUTO
        super().__init__(data, initial={"detector": chosen, "text": self._was or ""})
        self.fields["detector"].choices = known  # type: ignore[attr-defined]
        if self._was is None:
            del self.fields["text"]

    @property
    def changed(self) -> str | None:
        text = self.cleaned_data.get("text", "").replace("\r\n", "\n")
        return text if text.strip() and text != self._was else None


def editable(raw: bytes) -> str | None:
    """The text as a form can carry it there and back, with what cannot be seen as JSON writes it; None where it is too
    long for that."""
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = escaped(text) if len(text) <= MAX_TEXT else text
    return text if len(text) <= MAX_TEXT else None
