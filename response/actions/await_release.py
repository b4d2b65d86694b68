"""Legal first: the run waits here until a member of the case from Legal has decided whether HR is told."""

from response.actions.base import Action, Call, Done, Plan, Poll, Work, actions
from response.choices import Effect, Phase, Risk
from response.models import LegalRelease

LOOK_SECONDS = 5.0


@actions.register
class AwaitRelease(Action):
    """Changes nothing. Later steps may read steps.<key>.is_released."""

    slug = "await_release"
    label = "Wait for Legal's release"
    phase = Phase.DETECTION
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None outside."

    def plan(self, call: Call) -> Plan:
        return Plan(what="Wait until Legal has decided whether HR is told", consequence="Nothing is sent.")

    def do(self, call: Call) -> Done:
        release = LegalRelease.objects.filter(case=call.case).select_related("by").first()
        if release is None:
            return Done(text="Waits for Legal, who decide on their own page", is_polled=True)
        return Done(text=told(release), data={"is_released": release.is_released})

    def poll(self, call: Call) -> Poll:
        release = LegalRelease.objects.filter(case=call.case).select_related("by").first()
        if release is None:
            return Poll(work=Work.GOING_ON, text="Legal has not decided yet", again_seconds=LOOK_SECONDS)
        return Poll(work=Work.DONE, text=told(release), data={"is_released": release.is_released})


def told(release: LegalRelease) -> str:
    may = "HR may be told" if release.is_released else "HR may not be told"
    return f"{may}, says {release.by.display_name}"
