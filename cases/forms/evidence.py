"""What a person says of evidence: how it came, where it goes, and why."""

from typing import Any

from django import forms
from django.http import QueryDict

from cases.choices import EvidenceKind
from cases.forms.decisions import DecisionForm
from cases.models import Case, Evidence
from cases.services.evidence import Acquired
from cases.services.exports import MIN_PASSWORD

FILE_KINDS = [choice for choice in EvidenceKind.choices if choice[0] != EvidenceKind.EXHIBIT]
HOW = ("acquired_at", "acquired_by", "acquired_from", "authority", "tool", "tool_version")
HOW_FILE = (*HOW, "source_sha256", "clock_offset_seconds", "read_errors")


class ReasonForm(DecisionForm):
    reason = forms.CharField(
        max_length=500,
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}),
        error_messages={"required": "Say why: it stands in the chain of custody."},
    )


class SealForm(DecisionForm):
    """Nothing to say of a file: its hash is its seal."""


class ExhibitSealForm(DecisionForm):
    seal_number = forms.CharField(
        max_length=100, label="Seal number", widget=forms.TextInput(attrs={"autofocus": True})
    )


class HandOverForm(ReasonForm):
    to = forms.CharField(max_length=150, label="To", help_text="Who has it from now on.")
    shelf = forms.CharField(max_length=150, required=False, label="Place", help_text="Room, safe, shelf.")
    field_order = ("to", "shelf", "reason")


class ExportForm(ReasonForm):
    password = forms.CharField(
        min_length=MIN_PASSWORD,
        max_length=200,
        required=False,
        label="Password",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=f"At least {MIN_PASSWORD} characters. Left empty, one is made and shown once.",
    )


class _AcquiredForm(forms.Form):
    """How the item was acquired; nothing of it is required, and all of it is kept for good."""

    title = forms.CharField(max_length=200, label="What it is", help_text="As the list shows it.")
    acquired_at = forms.DateTimeField(
        required=False, label="Acquired at, UTC", widget=forms.TextInput(attrs={"placeholder": "2026-11-24 14:03:10"})
    )
    acquired_by = forms.CharField(max_length=150, required=False, label="Acquired by")
    acquired_from = forms.CharField(max_length=300, required=False, label="From", help_text="Device, person or place.")
    authority = forms.CharField(max_length=300, required=False, label="Authority", help_text="Who allowed it, by what.")
    tool = forms.CharField(max_length=100, required=False, label="Tool")
    tool_version = forms.CharField(max_length=100, required=False, label="Version")

    def acquired(self) -> Acquired:
        names = [name for name in HOW_FILE if name in self.fields]
        said = {name: self.cleaned_data[name] for name in names if self.cleaned_data[name] not in (None, "")}
        return Acquired(**said)


class UploadForm(_AcquiredForm):
    """A file. It streams into the store before this form is looked at; one that does not fit throws it away."""

    kind = forms.ChoiceField(choices=FILE_KINDS, initial=EvidenceKind.FILE, label="Kind")
    file = forms.FileField(label="File", allow_empty_file=True, max_length=None)
    is_hazardous = forms.BooleanField(
        required=False, initial=True, label="May be malware: leaves as an encrypted ZIP only"
    )
    original = forms.ModelChoiceField(
        Evidence.objects.none(),
        required=False,
        label="Made from",
        empty_label="It is an original",
        help_text="A working copy points to its original.",
    )
    source_sha256 = forms.RegexField(
        r"^\s*[0-9A-Fa-f]{64}\s*$",
        required=False,
        label="SHA-256 at the source",
        error_messages={"invalid": "A SHA-256 has 64 characters, 0 to 9 and a to f."},
    )
    clock_offset_seconds = forms.IntegerField(
        required=False,
        min_value=-(10**9),
        max_value=10**9,
        label="Clock offset, seconds",
        help_text="The source's clock minus ours.",
    )
    read_errors = forms.IntegerField(required=False, min_value=0, max_value=10**9, label="Read errors")

    def __init__(self, case: Case, data: QueryDict | None = None, files: Any = None) -> None:
        super().__init__(data, files)
        originals: Any = self.fields["original"]
        originals.queryset = case.evidence.filter(copy=0, destroyed_at__isnull=True)

    def clean_source_sha256(self) -> str:
        return str(self.cleaned_data["source_sha256"]).strip().lower()


class ExhibitForm(_AcquiredForm):
    """A thing that is kept in a safe."""

    serial = forms.CharField(max_length=100, required=False, label="Serial number")
    seal_number = forms.CharField(max_length=100, required=False, label="Seal number")
    shelf = forms.CharField(max_length=150, required=False, label="Place", help_text="Room, safe, shelf.")
    field_order = ("title", "serial", "seal_number", "shelf")
