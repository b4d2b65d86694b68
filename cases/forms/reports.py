"""What a person was told: a phone call, a tip, something seen. It becomes an alert like any other."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.http import QueryDict
from django.utils import timezone

from cases.choices import ObservableKind, Role, Severity
from cases.forms.decisions import DecisionForm
from cases.intake.nightdesk_schema import NAME
from cases.intake.observables import Observables
from cases.models import AlertKind
from cases.services.senders import BY_HAND

MOST_LINES = 100
KINDS = "an address, a domain, a link, a hash or a mail address"


class ReportForm(DecisionForm):
    """`payload` is the alert of our own schema that it says; a form sent twice names the same alert."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    title = forms.CharField(max_length=300, label="What happened", widget=forms.TextInput(attrs={"autofocus": True}))
    description = forms.CharField(
        max_length=20_000,
        required=False,
        label="What is known",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Who told it, how, and in what words.",
    )
    seen_at = forms.DateTimeField(
        required=False,
        label="When it happened, UTC",
        widget=forms.TextInput(attrs={"placeholder": "2026-11-24 14:03"}),
        help_text="Empty: now.",
    )
    severity = forms.TypedChoiceField(coerce=int, choices=Severity.choices, initial=Severity.MEDIUM)
    kind = forms.ModelChoiceField(
        AlertKind.objects.order_by("name"),
        required=False,
        to_field_name="slug",
        empty_label="Found by what it says",
        help_text="Decides what is asked and which runbooks are offered.",
    )
    device = forms.CharField(max_length=255, required=False, label="Device", help_text="Its name.")
    person = forms.CharField(max_length=255, required=False, label="Person", help_text="Login or mail address.")
    observables = forms.CharField(
        max_length=20_000,
        required=False,
        label="Observables",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=f"One a line: {KINDS}. May be defanged.",
    )
    is_restricted = forms.BooleanField(
        required=False, label="Restricted: from the first moment only you, and whom you name, can see it"
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"request_id": uuid4()})

    def clean_observables(self) -> list[dict[str, str]]:
        lines = [line.strip() for line in self.cleaned_data["observables"].splitlines() if line.strip()]
        if len(lines) > MOST_LINES:
            raise forms.ValidationError(f"At most {MOST_LINES} lines.")
        found = Observables()
        for number, line in enumerate(lines, start=1):
            is_mail = "@" in line and "://" not in line
            known = found.add(ObservableKind.EMAIL, line, Role.MAIL) if is_mail else found.add_indicator(line)
            if not known:
                raise forms.ValidationError(f"Line {number}: neither {KINDS}.")
        return [{"kind": one.kind, "value": one.value, "role": one.role} for one in found.all()]

    def clean_seen_at(self) -> datetime:
        at: datetime = self.cleaned_data["seen_at"] or timezone.now()
        if at > timezone.now():
            raise forms.ValidationError("That lies ahead.")
        return at.astimezone(UTC)

    @property
    def payload(self) -> dict[str, Any]:
        """`nightdesk.alert/1`, with a rule of its own: what a person reports never joins another case by itself."""
        said, ref = self.cleaned_data, _reference(self.cleaned_data["request_id"])
        person = said["person"].strip()
        return {
            "schema": NAME,
            "source": BY_HAND,
            "source_ref": ref,
            "title": said["title"],
            "description": said["description"],
            "severity": said["severity"],
            "detected_at": said["seen_at"].isoformat(),
            "rule": {"id": ref, "name": "Reported by a person"},
            "devices": [{"name": said["device"].strip()}] if said["device"].strip() else [],
            "people": [{"upn" if "@" in person else "login": person}] if person else [],
            "observables": said["observables"],
        } | ({"kind": said["kind"].slug} if said["kind"] else {})


def _reference(request_id: UUID) -> str:
    return f"by-hand:{request_id}"
