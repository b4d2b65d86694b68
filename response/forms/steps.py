"""The editor's form of one step: its own fields, and below them the typed parameters of its action."""

from typing import Any

from django import forms
from django.urls import reverse_lazy

from response.actions.base import Action, actions
from response.models import Step

PARAM = "p_"  # prefix of a parameter's field


class KeysField(forms.CharField):
    """Keys of other steps, separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [part for part in str(super().clean(value) or "").replace(",", " ").split() if part]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.clean(data))


class StepForm(forms.ModelForm[Step]):
    """A parameter is kept as typed, so that it may hold `${{ }}`; the check before publishing reads it by its type."""

    action = forms.ChoiceField(
        widget=forms.Select(
            attrs={
                "hx-get": reverse_lazy("admin:response_runbook_params"),
                "hx-target": "next .step-params",
                "hx-trigger": "change",
                "hx-swap": "innerHTML",
            }
        ),
        help_text="Another action has other parameters; without JavaScript, save and continue to see them.",
    )
    needs = KeysField(required=False, help_text="Keys of the steps that it waits for; empty: the step before.")

    class Meta:
        model = Step
        fields = [
            "order",
            "key",
            "action",
            "title",
            "help_text",
            "when",
            "for_each",
            "cap",
            "needs",
            "approvals",
            "timeout_seconds",
            "on_failure",
            "if_unanswered",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["action"]
        if isinstance(choice, forms.ChoiceField):
            choice.choices = [("", "Choose an action"), *((one.slug, one.label) for one in actions if one.is_written)]
        self.action_kind = actions.get(self._chosen())
        if self.action_kind is not None:
            for name, field in self.action_kind.Params.base_fields.items():
                self.fields[f"{PARAM}{name}"] = self._field(name, field)

    @property
    def param_fields(self) -> list[forms.BoundField]:
        """The parameters' fields, in the order of the action's form."""
        return [self[name] for name in self.fields if name.startswith(PARAM)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.action_kind is not None:
            values = {name: cleaned.get(f"{PARAM}{name}") or "" for name in self.action_kind.Params.base_fields}
            self.instance.params = values
        return dict(cleaned)

    def _chosen(self) -> str:
        if self.is_bound:
            return str(self.data.get(self.add_prefix("action"), ""))
        return str(self.initial.get("action") or self.instance.action or "")

    def _field(self, name: str, field: forms.Field) -> forms.Field:
        """A text field under the parameter's name: its type is asked by the check, where templates are known."""
        label = field.label or name.replace("_", " ").capitalize()
        initial = self.instance.params.get(name, "") if self._is_same_action() else _first(self.action_kind, name)
        if isinstance(initial, list):
            initial = "\n".join(initial)
        is_long = isinstance(field.widget, forms.Textarea)
        widget = forms.Textarea(attrs={"rows": 3}) if is_long else forms.TextInput(attrs={"class": "vTextField"})
        return forms.CharField(
            required=False, label=label, help_text=field.help_text, initial=initial, widget=widget, max_length=2_000
        )

    def _is_same_action(self) -> bool:
        return bool(self.instance.pk) and self.instance.action == self._chosen()


def _first(action: type[Action] | None, name: str) -> str:
    """What a new step begins with."""
    return "${{ device.id }}" if action is not None and name == "device" else ""
