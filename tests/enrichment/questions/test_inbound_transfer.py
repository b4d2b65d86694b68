"""What came in within the hour before: with minutes, bytes and the peer."""

from datetime import timedelta

from cases.choices import Verdict
from enrichment.questions.inbound_transfer import InboundTransfer
from tests.enrichment.questions.asking import Says, about, ask, fact, points
from tests.enrichment.reasoning.flows import NOON, flow, total

AFTER_NOON = about(at=NOON + timedelta(minutes=19))
PEER = "203.0.113.44"


def test_a_larger_transfer_is_told_with_minutes_and_bytes() -> None:
    judgement = ask(
        InboundTransfer,
        AFTER_NOON,
        peers=[total(PEER, 38_600_000, internal=False)],
        connections=[flow(0, bytes_in=38_600_000, peer_name="files.example"), flow(60, bytes_in=2_000)],
    )

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Inbound transfer")
    assert judgement.headline == f"38.6 MB fetched from files.example ({PEER}), 19 min before it happened."
    assert fact(judgement, "From") == f"files.example {PEER}:443"
    assert [(one.kind, one.value) for one in judgement.pivots] == [("ip", PEER)]


def test_a_page_with_pictures_is_told_and_weighs_nothing() -> None:
    judgement = ask(
        InboundTransfer,
        AFTER_NOON,
        peers=[total(PEER, 2_000_000, internal=False)],
        connections=[flow(0, bytes_in=2_000_000)],
    )

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert points(judgement) == 0
    assert judgement.pivots == []


def test_copies_from_inside_servers_are_not_looked_at() -> None:
    judgement = ask(InboundTransfer, AFTER_NOON, peers=[total("10.1.2.3", 900_000_000)])

    assert judgement.headline == "No transfer of a megabyte or more came in within the hour before."


def test_a_device_that_the_source_did_not_see_is_no_answer() -> None:
    assert InboundTransfer().ask(Says(peers=[]), AFTER_NOON) is None
