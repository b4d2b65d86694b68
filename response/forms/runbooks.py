"""The editor's form of a runbook itself: its head, and what the draft was before."""

from typing import Any

from django import forms

from response.forms.lines import kept
from response.models import Runbook
from response.models.runbooks import body_hash
from response.services.runbooks import frozen


class RunbookForm(forms.ModelForm[Runbook]):
    """`before` is the hash of the draft as it stood when the form was made."""

    class Meta:
        model = Runbook
        fields = ["title", "slug", "phase", "is_enabled", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = body_hash(frozen(self.instance)) if self.instance.pk else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        return {name: kept(getattr(self.instance, name, None), value) for name, value in cleaned.items()}
