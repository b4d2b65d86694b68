"""Wait for the answer on the person's three months of files, and ask again where a source failed."""

from cases.models import Case
from enrichment.choices import PENDING, LookupState
from enrichment.models import Finding, Lookup
from enrichment.services import lookups
from response.actions.base import Action, Call, Done, Plan, Poll, Work, actions
from response.choices import Effect, Phase, Risk
from response.errors import ActionError

QUESTION = "file_use"
LOOK_SECONDS = 5.0


@actions.register
class AnalyseFileUse(Action):
    """Reads logs that we hold. Later steps may read steps.<key>.is_unusual and .shares."""

    slug = "analyse_file_use"
    label = "Analyse file use"
    phase = Phase.DETECTION
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "Queries of our own copy of the file servers' and data loss prevention's logs."

    def plan(self, call: Call) -> Plan:
        return Plan(
            what="Three months of the person's files, against their own past and their peers'",
            consequence="Nothing is sent. Peers come under pseudonyms.",
        )

    def do(self, call: Call) -> Done:
        asked = _asked(call.case)
        if not asked:
            raise ActionError("The question was not asked: no person is known, or the case's kind does not name it.")
        for one in asked:
            if one.state == LookupState.FAILED:
                lookups.retry(call.case, one.pk)
        return Done(text="Asked", is_polled=True)

    def poll(self, call: Call) -> Poll:
        asked = _asked(call.case)
        if any(one.state in PENDING for one in asked):
            return Poll(work=Work.GOING_ON, text="The logs are being read", again_seconds=LOOK_SECONDS)
        found = list(Finding.objects.filter(lookup__in=asked).order_by("pk"))
        if not found:
            said = "; ".join(one.reason or one.get_state_display() for one in asked)
            return Poll(work=Work.FAILED, text=f"No source could say: {said}"[:500])
        unusual = [one for one in found if one.data.get("is_unusual")]
        data = {"is_unusual": bool(unusual), "shares": [share for one in unusual for share in one.data["shares"]]}
        return Poll(work=Work.DONE, text=(unusual or found)[0].headline, data=data)


def _asked(case: Case) -> list[Lookup]:
    return list(Lookup.objects.filter(case_lookups__case=case, question=QUESTION).order_by("pk"))
