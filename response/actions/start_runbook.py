"""Start a runbook for another device of the case: what a hunt found is answered as the first device was."""

from collections.abc import Mapping
from typing import Any

from django import forms

from cases.models import Case
from response.actions.base import Action, Call, Done, Plan, actions
from response.actions.targets import DeviceField
from response.choices import Effect, Phase, Risk
from response.errors import ActionError
from response.models import Runbook


@actions.register
class StartRunbook(Action):
    """Changes nothing by itself: the run is made in the transaction that ends the step, and its steps ask for their
    own approvals. A device that has such a run already gets no second one, so that hunts never feed each other."""

    slug = "start_runbook"
    label = "Start a runbook for a device"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None: it is a run in Nightdesk, whose steps are asked one by one."

    class Params(forms.Form):
        runbook = forms.SlugField(max_length=60, help_text="The name in its address, such as contain-device.")
        device = DeviceField()

    @classmethod
    def clean(cls, values: Mapping[str, Any], case: Case | None = None) -> dict[str, Any]:
        params = super().clean(values, case)
        if case is not None and live_version(params["runbook"]) is None:
            raise ActionError(f"Runbook: no runbook {params['runbook']} is published and offered.")
        return params

    def plan(self, call: Call) -> Plan:
        name = call.device.device.name
        return Plan(
            what=f"Start {call.params['runbook']} for {name}",
            consequence="Its steps ask for their own approvals.",
            undo="Stop or cancel the run.",
            steps=(f"A run of {call.params['runbook']} starts in this case and acts on {name}.",),
            if_unanswered=f"{name} stays as it is.",
        )

    def do(self, call: Call) -> Done:
        return Done(text=f"{call.params['runbook']} is started for {call.device.device.name}")


def live_version(slug: str) -> Any:
    """The version that a new run of the runbook follows, or None."""
    runbook = Runbook.objects.filter(slug=slug, is_enabled=True).first()
    return runbook.live if runbook else None
