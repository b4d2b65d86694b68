"""The gate of a covert case: the run waits here until legal basis, scope and authoriser are recorded."""

from django.utils import timezone

from response.actions.base import Action, Call, Done, Plan, Poll, Work, actions
from response.choices import Effect, Phase, Risk
from response.models import Mandate

LOOK_SECONDS = 5.0


@actions.register
class AwaitMandate(Action):
    """Changes nothing. What acquires is held to the mandate again by itself, so this step only makes the run wait."""

    slug = "await_mandate"
    label = "Wait for the mandate"
    phase = Phase.DETECTION
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None outside."

    def plan(self, call: Call) -> Plan:
        return Plan(what="Wait until a mandate is in force", consequence="Nothing is sent.")

    def do(self, call: Call) -> Done:
        mandate = Mandate.objects.in_force(call.case, timezone.now())
        if mandate is None:
            return Done(text="Waits for a mandate; ask for it under Need to know", is_polled=True)
        return Done(text=told(mandate), data={"mandate": mandate.pk})

    def poll(self, call: Call) -> Poll:
        mandate = Mandate.objects.in_force(call.case, timezone.now())
        if mandate is None:
            return Poll(work=Work.GOING_ON, text="No mandate is in force yet", again_seconds=LOOK_SECONDS)
        return Poll(work=Work.DONE, text=told(mandate), data={"mandate": mandate.pk})


def told(mandate: Mandate) -> str:
    who = mandate.authorised_by.display_name if mandate.authorised_by else ""
    return f"Mandate in force until {mandate.valid_until:%d %b %Y}, authorised by {who}"
