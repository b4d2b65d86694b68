"""Who opened connections to the device?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.inbound import EMPTY_BYTES, knocking
from enrichment.reasoning.measures import size
from secops.connectors.capabilities.traffic import Flows

PAST = timedelta(hours=24)
REMOTE_PORTS = {22: "SSH", 3389: "RDP", 5900: "VNC", 5985: "WinRM", 5986: "WinRM"}


@questions.register
class InboundConnections(Question):
    """Being knocked at is not the device's doing; an answer to somebody outside, or a remote control port, counts."""

    slug = "inbound_connections"
    label = "Who connected to it?"
    card = Card.TRAFFIC
    subject = SubjectKind.HOST
    capability = "flows"
    order = 35

    def ask(self, connector: Flows, subject: Subject) -> Judgement | None:
        peers = connector.peers(subject.host, subject.at - PAST, subject.at, inbound=True)
        if not peers and not connector.peers(subject.host, subject.at - PAST, subject.at):
            return None  # a device that the source did not see was not left alone
        found = knocking(peers)
        remote = [one for one in peers if one.port in REMOTE_PORTS and one.bytes_out > EMPTY_BYTES * one.connections]
        is_answered = found.answered_sources > 0
        remote_text = ", ".join(f"{REMOTE_PORTS[one.port]} from {one.peer}" for one in remote[:5]) or "none"
        return Judgement(
            verdict=Verdict.SUSPICIOUS if is_answered or remote else Verdict.INFORMATIONAL,
            label="Remote control" if remote else "Inbound" if is_answered else "",
            headline=found.sentence,
            facts=[Fact(label="Remote control", value=remote_text, verdict="suspicious" if remote else "")],
            columns=["From", "Port", "Connections", "Received", "Answered"] if peers else [],
            rows=[
                [one.peer, str(one.port), str(one.connections), size(one.bytes_in), size(one.bytes_out)]
                for one in peers[:20]
            ],
            points=[Points(points=10, text="answered connections from outside")] if is_answered else [],
            data={
                "outside_sources": found.outside_sources,
                "outside_connections": found.outside_connections,
                "answered_sources": found.answered_sources,
                "remote_control": [{"peer": one.peer, "port": one.port} for one in remote],
            },
        )
