"""A runbook as text: a file, or what was typed."""

from typing import Any

from django import forms
from django.conf import settings

from response.formats.yaml import MAX_CHARACTERS

TOO_LARGE = f"The file is too large: a runbook has at most {MAX_CHARACTERS:,} characters. Nothing was imported."


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

    def __init__(self, *args: Any, size: int = 0, **kwargs: Any) -> None:
        """`size` is that of the whole request: of a larger one than is kept in memory, the file is left out."""
        super().__init__(*args, **kwargs)
        self.is_cut = size > settings.FILE_UPLOAD_MAX_MEMORY_SIZE

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        if self.is_cut:
            raise forms.ValidationError(TOO_LARGE)
        file = cleaned.get("file")
        cleaned["name"] = file.name if file else "text"
        if file is None:
            return cleaned
        if file.size > MAX_CHARACTERS * 4:
            raise forms.ValidationError(TOO_LARGE)
        try:
            cleaned["text"] = file.read().decode()
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8 text.") from None
        return cleaned
