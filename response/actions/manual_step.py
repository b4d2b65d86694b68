"""Something that a person does by hand: instructions, and how it went, in their words."""

from collections.abc import Mapping
from typing import Any

from django import forms

from response.actions.base import Action, Call, Done, Plan, actions
from response.choices import Effect, Phase, Risk
from response.errors import ActionError

DONE, COULD_NOT = "Done", "Could not"


@actions.register
class ManualStep(Action):
    """Nothing is sent. Who could not do it says why, and the step has failed."""

    slug = "manual_step"
    label = "Do by hand"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "What the person does by hand leaves its own."
    waits_for_person = True
    takes_note = True

    class Params(forms.Form):
        instructions = forms.CharField(max_length=2_000, widget=forms.Textarea, help_text="One thing per line.")

    def choices(self, params: Mapping[str, Any]) -> list[str]:
        return [DONE, COULD_NOT]

    def wants_note(self, choice: str) -> bool:
        return choice == COULD_NOT

    def plan(self, call: Call) -> Plan:
        lines = [line.strip() for line in call.params["instructions"].splitlines() if line.strip()]
        return Plan(
            what="By hand" if len(lines) > 1 else lines[0],
            consequence="Nothing is sent.",
            steps=tuple(lines) if len(lines) > 1 else (),
        )

    def do(self, call: Call) -> Done:
        answer, who, note = (str(call.data.get(name, "")) for name in ("answer", "answered_by", "note"))
        if answer != DONE:
            raise ActionError(f"{who} could not do it: “{note}”")
        said = f": “{note}”" if note else ""
        return Done(text=f"Done by {who}{said}", data={"answer": answer, "answered_by": who, "note": note})
