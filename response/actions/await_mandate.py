"""The gate of a covert case: the run waits here until legal basis, scope and authoriser are recorded."""

from typing import Any

from django.utils import timezone

from response.actions.awaiting import Awaits
from response.actions.base import Call, Plan, actions
from response.models import Mandate


@actions.register
class AwaitMandate(Awaits):
    """Changes nothing. What acquires is held to the mandate again by itself, so this step only makes the run wait."""

    slug = "await_mandate"
    label = "Wait for the mandate"
    waiting = "Waits for a mandate; ask for it under Need to know"

    def plan(self, call: Call) -> Plan:
        return Plan(what="Wait until a mandate is in force", consequence="Nothing is sent.")

    def found(self, call: Call) -> tuple[str, dict[str, Any]] | None:
        mandate = Mandate.objects.in_force(call.case, timezone.now())
        return (told(mandate), {"mandate": mandate.pk}) if mandate else None


def told(mandate: Mandate) -> str:
    who = mandate.authorised_by.display_name if mandate.authorised_by else ""
    return f"Mandate in force until {mandate.valid_until:%d %b %Y}, authorised by {who}"
