"""Is the device's traffic out of its own ordinary days?"""

from typing import Any

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.measures import size
from enrichment.reasoning.volume import LEAST_DAYS, Comparison, compare_received, compare_sent
from secops.connectors.capabilities.traffic import DayVolume, Flows, Window

DAYS = 8  # the last 24 hours and seven days before them


@questions.register
class Volume(Question):
    """Against itself, day by day, counted back from the alert; days without traffic are no days."""

    slug = "volume"
    label = "Is the volume unusual?"
    card = Card.TRAFFIC
    subject = SubjectKind.HOST
    capability = "flows"
    order = 25

    def ask(self, connector: Flows, subject: Subject) -> Judgement | None:
        days = connector.volumes(subject.host, subject.at, DAYS, internal=False)
        if not any(day.connections for day in days):
            return None
        sent, received = compare_sent(days), compare_received(days)
        is_unusual = sent.is_unusual or received.is_unusual
        worse = received if received.is_unusual and not sent.is_unusual else sent
        return Judgement(
            verdict=Verdict.SUSPICIOUS if is_unusual else Verdict.INFORMATIONAL,
            label="Unusual volume" if is_unusual else "Usual volume" if sent.days >= LEAST_DAYS else "",
            headline=worse.sentence,
            facts=_facts(sent, received, connector.flow_window()),
            series=_bars(days, sent),
            points=_points(sent, received),
            data={
                "sent": sent.today,
                "sent_median": sent.median,
                "sent_ratio": sent.ratio,
                "received": received.today,
                "received_median": received.median,
                "is_unusual": is_unusual,
                "days": sent.days,
            },
        )


def _facts(sent: Comparison, received: Comparison, window: Window) -> list[Fact]:
    facts = [
        Fact(label="Sent", value=sent.sentence, verdict="suspicious" if sent.is_unusual else ""),
        Fact(label="Received", value=received.sentence, verdict="suspicious" if received.is_unusual else ""),
    ]
    if sent.days < DAYS - 1 and window.start:
        facts.append(Fact(label="Covered", value=f"the logs begin {window.start:%d %b %H:%M} UTC"))
    return facts


def _bars(days: list[DayVolume], sent: Comparison) -> dict[str, Any]:
    ordered = sorted(days, key=lambda day: -day.days_ago)
    return {
        "kind": "bars",
        "title": f"Sent and received per day; {size(sent.today)} sent in the last one",
        "unit": "bytes",
        "median": sent.median,
        "points": [
            ["last 24 h" if not day.days_ago else f"-{day.days_ago} d", day.bytes_out, day.bytes_in] for day in ordered
        ],
    }


def _points(sent: Comparison, received: Comparison) -> list[Points]:
    if sent.is_unusual:
        return [Points(points=12, text="unusual volume sent")]
    if received.is_unusual:
        return [Points(points=6, text="unusual volume received")]
    return [Points(points=-3, text="usual volume")] if sent.days >= LEAST_DAYS else []
