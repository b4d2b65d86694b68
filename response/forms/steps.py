"""The editor's form of one step: its own fields, and below them the typed parameters of its action."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.urls import reverse_lazy

from response.actions.base import Action, actions
from response.forms.lines import kept, plain
from response.models import Runbook, Step
from response.models.runbooks import STEP_KEY

PARAM = "p_"  # prefix of a parameter's field


class KeysField(forms.MultipleChoiceField):
    """Keys of the steps before. A key that is no such step any more is kept, so that the check can name it."""

    widget = forms.CheckboxSelectMultiple
    is_key: RegexValidator = STEP_KEY

    def valid_value(self, value: Any) -> bool:
        return bool(self.is_key.regex.match(str(value)))  # type: ignore[union-attr]


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
        help_text="Another action has other parameters; without JavaScript, save to see them.",
    )
    needs = KeysField(required=False, help_text="It waits for these; none: for the step before.")

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
            "max_attempts",
            "backoff_seconds",
            "undo_after",
            "on_failure",
            "if_unanswered",
        ]
        widgets = {
            "order": forms.HiddenInput,
            "when": forms.Textarea(attrs={"rows": 1, "spellcheck": "false"}),
            "for_each": forms.Textarea(attrs={"rows": 1, "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, keys: Sequence[str] = (), number: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk and number:
            self.initial["order"] = number
        self._set_choices(keys)
        self.action_kind = actions.get(self._chosen())
        if self.action_kind is not None:
            for name, field in self.action_kind.Params.base_fields.items():
                self.fields[f"{PARAM}{name}"] = self._field(name, field)

    @property
    def param_fields(self) -> list[forms.BoundField]:
        """The parameters' fields, in the order of the action's form."""
        return [self[name] for name in self.fields if name.startswith(PARAM)]

    def has_changed(self) -> bool:
        """The place of a blank step follows the others; somebody else may have added or removed one."""
        return bool(set(self.changed_data) - (set() if self.instance.pk else {"order"}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.action_kind is not None:
            values = {
                name: self._kept(name, str(cleaned.get(f"{PARAM}{name}") or ""))
                for name in self.action_kind.Params.base_fields
            }
            self.instance.params = values
        return {name: kept(getattr(self.instance, name, None), value) for name, value in cleaned.items()}

    def try_conditions_at(self, url: str) -> None:
        """Beside each condition stands how often it would have matched, asked when it is typed."""
        for name in ("when", "for_each"):
            self.fields[name].widget.attrs |= {
                "hx-get": url,
                "hx-trigger": "change, input changed delay:600ms",
                "hx-target": f"#{self.add_prefix(name)}-trial",
                "hx-swap": "innerHTML",
                "hx-sync": "this:replace",
            }

    def _set_choices(self, keys: Sequence[str]) -> None:
        action, needs = self.fields["action"], self.fields["needs"]
        assert isinstance(action, forms.ChoiceField)
        assert isinstance(needs, forms.ChoiceField)
        action.choices = [("", "Choose an action"), *((one.slug, one.label) for one in actions if one.is_written)]
        lost = [key for key in self.instance.needs if key not in keys]
        needs.choices = [
            *((key, f"{number} {key}") for number, key in enumerate(keys, start=1)),
            *((key, f"{key}, not before it") for key in lost),
        ]

    def _chosen(self) -> str:
        if self.is_bound:
            return str(self.data.get(self.add_prefix("action"), ""))
        return str(self.initial.get("action") or self.instance.action or "")

    def _field(self, name: str, field: forms.Field) -> forms.Field:
        """A text field under the parameter's name: its type is asked by the check, where templates are known."""
        label = field.label or name.replace("_", " ").capitalize()
        initial = self.instance.params.get(name, "") if self._is_same_action() else _first(self.action_kind, name)
        is_long = isinstance(field.widget, forms.Textarea)
        widget = forms.Textarea(attrs={"rows": 3}) if is_long else forms.TextInput(attrs={"class": "vTextField"})
        return forms.CharField(
            required=False,
            label=label,
            help_text=field.help_text,
            initial=_text(initial),
            widget=widget,
            max_length=2_000,
        )

    def _kept(self, name: str, text: str) -> Any:
        """What was there keeps its type as long as its text is not changed: a list, a number."""
        before = self.instance.params.get(name) if self._is_same_action() else None
        is_same = before is not None and _text(before).strip() == plain(text).strip()
        return before if is_same else plain(text)

    def _is_same_action(self) -> bool:
        return bool(self.instance.pk) and self.instance.action == self._chosen()


class StepFormSet(forms.BaseInlineFormSet[Step, Runbook, StepForm]):
    """All steps of a draft; each form knows the keys before it."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        keys = [step.key for step in self.get_queryset()] if self.instance.pk else []
        before = keys if index is None else keys[:index]
        return super().get_form_kwargs(index) | {"keys": before, "number": len(keys) + 1}


def _text(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return json.dumps(value, ensure_ascii=False, indent=1)
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return plain(str(value))


def _first(action: type[Action] | None, name: str) -> str:
    """What a new step begins with."""
    return "${{ device.id }}" if action is not None and name == "device" else ""
