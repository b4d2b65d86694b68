"""Legal first: the run waits here until a member of the case from Legal has decided whether HR is told."""

from typing import Any

from response.actions.awaiting import Awaits
from response.actions.base import Call, Plan, actions
from response.models import LegalRelease


@actions.register
class AwaitRelease(Awaits):
    """Changes nothing. Later steps may read steps.<key>.is_released."""

    slug = "await_release"
    label = "Wait for Legal's release"
    waiting = "Waits for Legal, who decide on their own page"

    def plan(self, call: Call) -> Plan:
        return Plan(what="Wait until Legal has decided whether HR is told", consequence="Nothing is sent.")

    def found(self, call: Call) -> tuple[str, dict[str, Any]] | None:
        release = LegalRelease.objects.filter(case=call.case).select_related("by").first()
        return (told(release), {"is_released": release.is_released}) if release else None


def told(release: LegalRelease) -> str:
    may = "HR may be told" if release.is_released else "HR may not be told"
    return f"{may}, says {release.by.display_name}"
