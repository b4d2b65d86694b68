"""A runbook as text: a file, or what was typed."""

from typing import Any

from django import forms

from response.formats.yaml import MAX_CHARACTERS


class TextForm(forms.Form):
    """A file goes before the text of the field."""

    file = forms.FileField(required=False, label="YAML file", widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}))
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_CHARACTERS,
        label="Or write it here",
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        file = cleaned.get("file")
        cleaned["name"] = file.name if file else "text"
        if file is None:
            return cleaned
        if file.size > MAX_CHARACTERS * 4:
            raise forms.ValidationError("The file is too large for a runbook.")
        try:
            cleaned["text"] = file.read().decode()
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8 text.") from None
        return cleaned
