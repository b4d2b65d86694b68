"""Block an address, a domain, a URL or a file on every device of the house."""

from collections.abc import Mapping
from typing import Any

from django import forms

from cases.models import Case, CaseObservable
from response.actions.base import Action, Call, Check, Done, Held, Plan, actions
from response.actions.blocking import listed, objection
from response.actions.targets import ObservableField
from response.choices import Effect, Phase, Risk
from response.errors import ActionError


@actions.register
class BlockIndicator(Action):
    """A target is an observable of the case. What the house or everybody needs is refused with the reason."""

    slug = "block_indicator"
    label = "Block for all devices"
    phase = Phase.CONTAINMENT
    risk = Risk.DISRUPTIVE
    effect = Effect.VERIFY
    capability = "block"
    lane = "block"
    is_noticeable = True
    traces = "Whoever reaches for it sees a notice; the EDR's list of indicators names it."
    undone_by = "unblock_indicator"
    undo_label = "Unblock"

    class Params(forms.Form):
        observable = ObservableField()

    @classmethod
    def objection(cls, case: Case, params: Mapping[str, Any]) -> str:
        return objection(case, params["observable"])

    def plan(self, call: Call) -> Plan:
        observable = call.observable
        others = CaseObservable.objects.filter(observable=observable).exclude(case=call.case).count()
        seen = f" {others} other case{'s' if others != 1 else ''} named it." if others else ""
        return Plan(
            what=f"Block {observable}",
            consequence=f"No device with the agent reaches or runs it any more, whoever needs it.{seen} "
            "It can take hours until every device knows.",
            warning=listed(observable),
            who="Everybody: all devices of the house",
            undo="Unblock, one approval.",
            steps=(
                "The EDR is given the value, with the case's number as the reason.",
                "Whether its list holds the value is read back. That each device has heard of it is not.",
            ),
            if_unanswered="It stays within reach of every device.",
        )

    def do(self, call: Call) -> Done:
        observable = call.observable
        if problem := listed(observable):
            raise ActionError(problem)
        reason = f"{call.case.number}, asked by {call.requested_by}"
        handle = call.connector.block(observable.kind, observable.value, reason, call.key)
        return Done(text=f"{observable} is being blocked", handle=handle, is_final=False)

    def verify(self, call: Call) -> Check:
        observable = call.observable
        if call.connector.is_blocked(observable.kind, observable.value):
            return Check(held=Held.DONE, text=f"{observable}: on the list of what is blocked, verified")
        return Check(held=Held.NOT_DONE, text=f"{observable} is not blocked")

    def undo_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"observable": params["observable"]}
