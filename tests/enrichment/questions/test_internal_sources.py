"""Inside servers: what was taken today against the device's own past days with each."""

from datetime import datetime

from cases.choices import Verdict
from enrichment.questions.internal_sources import InternalSources
from secops.connectors.capabilities.identity import Host
from secops.connectors.capabilities.traffic import PeerTotal
from tests.enrichment.questions.asking import AT, Says, about, points
from tests.enrichment.reasoning.flows import total


class Week(Says):
    """The inside servers of each day: `days[0]` ends at the alert."""

    def __init__(self, *days: list[PeerTotal]) -> None:
        super().__init__(peers=lambda host, start, end: self.day(host, end))
        self.days = days

    def day(self, host: Host, end: datetime) -> list[PeerTotal]:
        number = (AT - end).days
        return self.days[number] if number < len(self.days) else []


def server(megabytes: int, peer: str = "10.9.0.5") -> list[PeerTotal]:
    return [total(peer, megabytes * 1_000_000, peer_name="fs-sales")]


def test_far_more_than_usual_from_one_server_is_unusual() -> None:
    judgement = InternalSources().ask(Week(server(2100), *[server(20)] * 6), about())

    assert judgement is not None
    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Unusual source volume")
    assert "fs-sales" in judgement.headline
    assert judgement.rows[0][:2] == ["fs-sales", "2.1 GB"]
    assert points(judgement) > 0


def test_much_that_is_much_every_day_is_usual() -> None:
    judgement = InternalSources().ask(Week(*[server(2100)] * 7), about())

    assert judgement is not None
    assert judgement.verdict == Verdict.INFORMATIONAL
    assert points(judgement) == 0


def test_without_a_past_nothing_is_called_unusual() -> None:
    judgement = InternalSources().ask(Week(server(2100)), about())

    assert judgement is not None
    assert judgement.verdict == Verdict.INFORMATIONAL
    assert judgement.data["sources"][0]["is_unusual"] is False


def test_next_to_nothing_is_said_so() -> None:
    judgement = InternalSources().ask(Week([total("10.9.0.5", 900)]), about())

    assert judgement is not None
    assert "less than a megabyte" in judgement.headline


def test_a_device_that_was_not_seen_that_day_is_no_answer() -> None:
    assert InternalSources().ask(Week([], server(20)), about()) is None
