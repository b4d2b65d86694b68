"""Ask the responder a question with choices; the run goes on when one is chosen."""

from collections.abc import Mapping
from typing import Any

from django import forms

from response.actions.base import Action, Call, Done, Plan, actions
from response.choices import Effect, Phase, Risk

MAX_CHOICES = 6


class ChoicesField(forms.CharField):
    """One choice per line."""

    widget = forms.Textarea

    def clean(self, value: Any) -> list[str]:
        given = "\n".join(map(str, value)) if isinstance(value, list) else str(super().clean(value) or "")
        found = [line.strip() for line in given.splitlines() if line.strip()]
        if not 1 <= len(found) <= MAX_CHOICES:
            raise forms.ValidationError(f"1 to {MAX_CHOICES} choices are needed, one per line.")
        return found


@actions.register
class AskPerson(Action):
    """Nothing is sent: the step waits, and later steps may read steps.<key>.answer."""

    slug = "ask_person"
    label = "Ask the responder"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None outside."
    waits_for_person = True

    class Params(forms.Form):
        question = forms.CharField(max_length=300)
        choices = ChoicesField(help_text="One per line.")

    def choices(self, params: Mapping[str, Any]) -> list[str]:
        return list(params["choices"])

    def plan(self, call: Call) -> Plan:
        return Plan(what=call.params["question"], consequence="Nothing is sent.")

    def do(self, call: Call) -> Done:
        answer, who = str(call.data.get("answer", "")), str(call.data.get("answered_by", ""))
        return Done(text=f"{who} chose: {answer}", data={"answer": answer, "answered_by": who})
