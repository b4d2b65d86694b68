"""One file of a device, by its path."""

from dataclasses import replace

from django import forms

from cases.choices import EvidenceKind
from response.actions.acquisition import Acquire
from response.actions.base import Call, Plan, actions
from response.actions.targets import DeviceField
from secops.connectors.capabilities.acquisition import FILE


@actions.register
class AcquireFile(Acquire):
    """The path is a parameter that is checked, shown and approved; it names a file to read, never one to run."""

    slug = "acquire_file"
    label = "Acquire a file"
    what = FILE
    kind = EvidenceKind.FILE
    noun = "file"

    class Params(forms.Form):
        device = DeviceField()
        path = forms.CharField(
            max_length=1_000,
            help_text="In full, such as C:\\Users\\name\\updater.exe. No wildcard.",
            error_messages={"required": "No alert of the case names the file. Acquire it by itself, by its path."},
        )

        def clean_path(self) -> str:
            path: str = self.cleaned_data["path"]
            if any(one in path for one in "*?%\n\r\0"):
                raise forms.ValidationError("One file only: no wildcard, no variable.")
            return path

    def plan(self, call: Call) -> Plan:
        plan = super().plan(call)
        return replace(plan, what=f"{plan.what}: {call.params['path']}")
