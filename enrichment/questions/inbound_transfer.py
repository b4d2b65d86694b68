"""Which larger transfer came in shortly before?"""

from datetime import timedelta

from cases.choices import Card, ObservableKind, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Pivot, Points, Question, Subject, questions
from enrichment.reasoning.inbound import MINUTES_BEFORE, candidates, largest_transfer
from enrichment.reasoning.measures import size
from secops.connectors.capabilities.traffic import Flows

MOST_ASKED = 8  # peers whose connections are looked at one by one
LARGE = 5_000_000  # bytes; a page with pictures brings less


@questions.register
class InboundTransfer(Question):
    """With minutes and bytes: what was fetched or sent to the device in the hour before."""

    slug = "inbound_transfer"
    label = "What larger transfer came in just before?"
    card = Card.TRAFFIC
    subject = SubjectKind.HOST
    capability = "flows"
    order = 15

    def ask(self, connector: Flows, subject: Subject) -> Judgement | None:
        start = subject.at - timedelta(minutes=MINUTES_BEFORE)
        if not (peers := connector.peers(subject.host, start, subject.at)):
            return None  # the source did not see the device
        flows = [
            flow
            for peer in candidates(peers)[:MOST_ASKED]
            for flow in connector.connections(subject.host, peer.peer, start, subject.at)
        ]
        found = largest_transfer(flows, subject.at)
        if found is None:
            return Judgement(
                verdict=Verdict.INFORMATIONAL,
                headline="No transfer of a megabyte or more came in within the hour before.",
                data={"bytes": 0},
            )
        others = len({flow.peer for flow in flows}) - 1
        is_large = found.bytes_in >= LARGE
        return Judgement(
            verdict=Verdict.SUSPICIOUS if is_large else Verdict.INFORMATIONAL,
            label="Inbound transfer" if is_large else "",
            headline=f"{found.sentence[:-1]} it happened.",
            facts=[
                Fact(label="Transfer", value=f"{size(found.bytes_in)}, {found.minutes_before:.0f} min before"),
                Fact(label="From", value=f"{found.peer_name} {found.peer}:{found.port}".strip()),
                Fact(label="Others", value=f"{others} other peers sent a megabyte or more" if others else "none"),
            ],
            points=[Points(points=8, text="a larger transfer came in just before")] if is_large else [],
            pivots=[Pivot(kind=ObservableKind.IP, value=found.peer, role="source")] if is_large else [],
            data={
                "minutes": found.minutes_before,
                "bytes": found.bytes_in,
                "peer": found.peer,
                "peer_name": found.peer_name,
            },
        )
