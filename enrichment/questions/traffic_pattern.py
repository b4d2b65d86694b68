"""What pattern do the connections between device and peer have?"""

from dataclasses import asdict
from datetime import timedelta
from itertools import pairwise
from typing import Any

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Question, Subject, questions
from enrichment.reasoning.beacon import Beacon, find_beacon
from enrichment.reasoning.measures import counted, size, span
from secops.connectors.capabilities.traffic import Flow, Flows

PAST = timedelta(days=7)
MOST_DOTS = 300


@questions.register
class TrafficPattern(Question):
    """Measures only: whether a regular pattern means harm is judged with everything else known (beacon_judged)."""

    slug = "traffic_pattern"
    label = "Is it a beacon?"
    card = Card.TRAFFIC
    subject = SubjectKind.PAIR
    capability = "flows"
    order = 20

    def ask(self, connector: Flows, subject: Subject) -> Judgement | None:
        end = subject.at + timedelta(minutes=5)
        flows = connector.connections(subject.host, subject.value, subject.at - PAST, end)
        if not flows:
            return None
        beacon = find_beacon(flows)
        talkers = connector.talkers(subject.value, subject.at - PAST, end)
        facts = [
            Fact(label="Connections", value=counted(len(flows), "connection")),
            Fact(label="First and last", value=f"{flows[0].at:%d %b %H:%M} to {flows[-1].at:%d %b %H:%M} UTC"),
            Fact(label="Volume", value=_volume(flows)),
            Fact(label="Who else", value=_others(talkers)),
        ]
        if beacon and beacon.is_regular:
            facts.insert(0, Fact(label="Period", value=f"{span(beacon.period)}, jitter {beacon.jitter_percent:.0f} %"))
        return Judgement(
            verdict=Verdict.INFORMATIONAL,
            label="Regular" if beacon and beacon.is_regular else "Rare" if len(talkers) <= 1 else "",
            headline=beacon.sentence if beacon else f"One connection to {subject.value}.",
            facts=facts,
            series=_series(flows, beacon),
            data=(_plain(beacon) if beacon else {"connections": len(flows)})
            | {"talkers": talkers[:50], "names": sorted({one.peer_name for one in flows if one.peer_name})[:20]},
        )


def _volume(flows: list[Flow]) -> str:
    return f"{size(sum(one.bytes_out for one in flows))} out, {size(sum(one.bytes_in for one in flows))} in"


def _others(talkers: list[str]) -> str:
    return f"{counted(len(talkers), 'device')} in 7 days: {', '.join(talkers[:5])}" if talkers else "nobody seen"


def _series(flows: list[Flow], beacon: Beacon | None) -> dict[str, Any]:
    if beacon is None or not beacon.is_regular:
        return {}
    opened = [one for one in flows if not one.is_inbound]
    gaps = [(later.at, (later.at - earlier.at).total_seconds()) for earlier, later in pairwise(opened)]
    step = max(1, len(gaps) // MOST_DOTS)
    return {
        "kind": "beacon",
        "title": beacon.sentence,
        "expected": beacon.period,
        "points": [[at.isoformat(), round(gap, 2)] for at, gap in gaps[::step]],
    }


def _plain(beacon: Beacon) -> dict[str, Any]:
    return asdict(beacon) | {"first_at": beacon.first_at.isoformat(), "last_at": beacon.last_at.isoformat()}
