"""Take back what was blocked for all devices."""

from collections.abc import Mapping
from typing import Any

from django import forms

from response.actions.base import Action, Call, Check, Done, Held, Plan, actions
from response.actions.targets import ObservableField
from response.choices import Effect, Phase, Risk


@actions.register
class UnblockIndicator(Action):
    """Also what undoes a block. An entry that somebody else made is left alone."""

    slug = "unblock_indicator"
    label = "Unblock for all devices"
    phase = Phase.RECOVERY
    risk = Risk.DISRUPTIVE
    effect = Effect.VERIFY
    capability = "block"
    lane = "block"
    is_noticeable = True
    traces = "The EDR's list of indicators no longer names it."
    undone_by = "block_indicator"
    undo_label = "Block again"

    class Params(forms.Form):
        observable = ObservableField()

    def plan(self, call: Call) -> Plan:
        observable = call.observable
        return Plan(
            what=f"Unblock {observable}",
            consequence="Every device reaches or runs it again.",
            who="Everybody: all devices of the house",
            undo="Block again, one approval.",
            steps=(
                "The entry that Nightdesk made is taken off the EDR's list; one of somebody else stays.",
                "Whether the list still holds the value is read back.",
            ),
            if_unanswered="It stays blocked.",
        )

    def do(self, call: Call) -> Done:
        observable = call.observable
        call.connector.unblock(observable.kind, observable.value)
        return Done(text=f"{observable} is being unblocked", is_final=False)

    def verify(self, call: Call) -> Check:
        observable = call.observable
        if call.connector.is_blocked(observable.kind, observable.value):
            return Check(held=Held.NOT_DONE, text=f"{observable} is still blocked")
        return Check(held=Held.DONE, text=f"{observable}: no longer blocked, verified")

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"observable": params["observable"]}
