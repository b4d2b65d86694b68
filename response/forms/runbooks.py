"""The editor's form of a runbook itself: its head, and what the draft was before."""

from typing import Any

from django import forms

from response.forms.lines import kept
from response.models import Runbook
from response.models.runbooks import body_hash
from response.services.runbooks import frozen

STALE = (
    "Not saved. {who} changed the draft since this page was loaded. What you typed still stands here: "
    "open the runbook again beside it, and write it into the draft as it is now."
)


class RunbookForm(forms.ModelForm[Runbook]):
    """`before` is the hash of the draft as it stands, `seen` that of the page: a save over another's is refused."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Runbook
        fields = ["title", "slug", "phase", "is_enabled", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = body_hash(frozen(self.instance)) if self.instance.pk else ""
        self.initial["seen"] = self.before

    @property
    def is_stale(self) -> bool:
        """Did the draft change since the page that is saved was loaded?"""
        return self.is_bound and bool(self.before) and self.data.get(self.add_prefix("seen")) != self.before

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.is_stale:
            who = self.instance.edited_by.display_name if self.instance.edited_by else "Somebody"
            raise forms.ValidationError(STALE.format(who=who))
        return {name: kept(getattr(self.instance, name, None), value) for name, value in cleaned.items()}
