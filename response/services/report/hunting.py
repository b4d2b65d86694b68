"""What the hunts of a case asked and nobody answered."""

from typing import Any

from cases.models import Case
from response.choices import AskState
from response.models import HuntAsk
from response.services.report import limits

SILENT = (AskState.REFUSED, AskState.FAILED, AskState.STOPPED)


def not_heard(case: Case) -> list[dict[str, Any]]:
    """Each question of a hunt that was refused, failed or given up, in the shape of facts.not_known."""
    asks = HuntAsk.objects.filter(hunt__case=case, state__in=SILENT).select_related("hunt").order_by("pk")
    return [
        {
            "what": f"Hunt for {ask.hunt.title}, {ask.about}",
            "source": ask.source,
            "status": ask.state,
            "why": ask.reason or f"{AskState(ask.state).label}.",
        }
        for ask in asks[: limits.MOST_ROWS]
    ]
