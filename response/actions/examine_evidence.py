"""Open the images of a case with forensic tools: beside them, read-only, never on a device."""

from typing import Any

from cases.choices import EvidenceKind
from enrichment.choices import ExaminationState
from enrichment.models import Examination
from enrichment.services import examinations
from response.actions.base import Action, Call, Done, Plan, Poll, Work, actions
from response.choices import Effect, Phase, Risk
from response.errors import ActionError

KINDS = (EvidenceKind.DISK, EvidenceKind.MEMORY, EvidenceKind.TRIAGE, EvidenceKind.CAPTURE)
LOOK_SECONDS = 3.0
NAMED = 5  # items that the result names


@actions.register
class ExamineEvidence(Action):
    """Asks for the tools and waits for them. An item that was read before is not read again."""

    slug = "examine_evidence"
    label = "Open the evidence with forensic tools"
    phase = Phase.DETECTION
    risk = Risk.READ
    effect = Effect.READ
    is_noticeable = False
    traces = "None on any device: the tools read what is in the evidence store."
    given_up = "the tools read on without it"

    def plan(self, call: Call) -> Plan:
        count = len(_items(call))
        return Plan(
            what=f"Open {count} item{'' if count == 1 else 's'} of evidence with forensic tools",
            consequence="Nothing is written to an image, and no device is touched.",
            undo="Nothing to undo.",
            steps=(
                "Each image, memory, capture and triage package is read in a process without network.",
                "Deleted files become evidence, hashes and destinations observables, and what was done a timeline.",
            ),
            if_unanswered="The evidence stays unread.",
        )

    def do(self, call: Call) -> Done:
        items = _items(call)
        if not items:
            raise ActionError(f"{call.case.number} has no image, memory, capture or triage package to read.")
        asked = [one for item in items for one in examinations.start(item.pk, who=call.requested_by or "Nightdesk")]
        numbers = ", ".join(item.number for item in items)
        data: dict[str, Any] = {"examinations": [one.pk for one in asked]}
        return Done(text=f"Forensic tools are to read {numbers}", handle="examinations", is_polled=True, data=data)

    def poll(self, call: Call) -> Poll:
        rows = list(Examination.objects.filter(pk__in=call.data["examinations"]).select_related("evidence"))
        pending = [row for row in rows if row.is_pending]
        if pending:
            text = f"{len(rows) - len(pending)} of {len(rows)} read"
            return Poll(work=Work.GOING_ON, text=text, again_seconds=LOOK_SECONDS)
        if not any(row.state == ExaminationState.DONE for row in rows):
            raise ActionError("; ".join(_said(row) for row in rows[:NAMED])[:500])
        more = f"; and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        found = {
            "notable": sum(len(row.result.get("notable", [])) for row in rows),
            "recovered": [number for row in rows for number in row.result.get("derived", [])],
            "failed": [row.evidence.number for row in rows if row.state != ExaminationState.DONE],
        }
        return Poll(work=Work.DONE, text="; ".join(_said(row) for row in rows[:NAMED]) + more, data=found)

    def abandon(self, call: Call) -> None:
        """A tool that reads is let read: it touches nothing, and what it finds belongs to the case."""


def _items(call: Call) -> list[Any]:
    return [item for item in call.case.evidence.filter(kind__in=KINDS) if examinations.can_be_examined(item)]


def _said(row: Examination) -> str:
    if row.state != ExaminationState.DONE:
        return f"{row.evidence.number} could not be read: {row.reason}"
    count = len(row.result["notable"])
    recovered = len(row.result["derived"])
    return f"{row.evidence.number}: {count} to look at" + (f", {recovered} recovered" if recovered else "")
