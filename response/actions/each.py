"""One step for each item of a list: the list becomes steps of their own, or waits for a person when it is long."""

from typing import Any

from django import forms

from response.actions.base import Action, Call, Done, Plan, actions
from response.choices import Effect, Phase, Risk


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
        asks = forms.BooleanField(required=False)  # does each item ask for an approval of its own?
        items = forms.JSONField()

    def plan(self, call: Call) -> Plan:
        items: list[dict[str, Any]] = call.params["items"]
        asks = call.params["asks"]
        follows = "Each of them still asks for an approval of its own." if asks else "Approving begins all of them."
        return Plan(
            what=f"{call.params['what']}: {len(items)} times",
            consequence=f"More than the {call.params['cap']} that the runbook allows by itself, so a person reads the "
            f"list first. {follows}",
            undo="Nothing happens by this yet." if asks else "Each of them by itself, where it can be undone.",
            steps=tuple(one["name"] for one in items),  # all: what is approved is what was seen
            if_unanswered="None of them is begun.",
        )

    def do(self, call: Call) -> Done:
        items: list[dict[str, Any]] = call.params["items"]
        names = ", ".join(one["name"] for one in items[:5])
        more = f" and {len(items) - 5} more" if len(items) > 5 else ""
        return Done(text=f"{len(items)} to do: {names}{more}")
