"""One step for each item of a list: the list becomes steps of their own, or waits for a person when it is long."""

from typing import Any

from django import forms

from response.actions.base import Action, Call, Done, Plan, actions
from response.choices import Effect, Phase, Risk

MOST_NAMED = 20  # items that the plan names


@actions.register
class Each(Action):
    """What a step with `for_each` is until its list is known. Changes nothing itself: its success makes the steps."""

    slug = "each"
    label = "For each"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None."
    is_written = False

    class Params(forms.Form):
        what = forms.CharField(max_length=160)
        cap = forms.IntegerField(min_value=0)
        items = forms.JSONField()

    def plan(self, call: Call) -> Plan:
        items: list[dict[str, Any]] = call.params["items"]
        names = [one["name"] for one in items[:MOST_NAMED]]
        more = f"and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""
        return Plan(
            what=f"{call.params['what']}: {len(items)} times",
            consequence=f"More than the {call.params['cap']} that the runbook allows by itself, so a person reads the "
            "list first. Each of them still asks for the approvals that it needs.",
            undo="Nothing happens by this yet. Each of them says how it is undone.",
            steps=(*names, more) if more else tuple(names),
            if_unanswered="None of them is begun.",
        )

    def do(self, call: Call) -> Done:
        items: list[dict[str, Any]] = call.params["items"]
        names = ", ".join(one["name"] for one in items[:5])
        more = f" and {len(items) - 5} more" if len(items) > 5 else ""
        return Done(text=f"{len(items)} to do: {names}{more}")
