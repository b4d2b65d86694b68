"""The larger transfer shortly before, and who knocked from outside."""

from collections.abc import Callable
from datetime import timedelta

from enrichment.reasoning.inbound import candidates, knocking, largest_transfer
from secops.connectors.capabilities.traffic import PeerTotal
from tests.enrichment.reasoning.flows import NOON, flow, total

MB = 1_000_000


def test_the_largest_transfer_before_the_moment_is_named() -> None:
    at = NOON + timedelta(minutes=30)
    flows = [
        flow(16 * 60, peer="198.51.100.77", port=80, bytes_in=38_600_000, peer_name="files.example"),
        flow(20 * 60, bytes_in=2 * MB),
        flow(31 * 60, bytes_in=90 * MB),  # after it
        flow(-40 * 60, bytes_in=90 * MB),  # too long before
    ]

    transfer = largest_transfer(flows, at)

    assert transfer is not None
    assert (transfer.minutes_before, transfer.bytes_in, transfer.was_opened_by_peer) == (14, 38_600_000, False)
    assert transfer.sentence == "38.6 MB fetched from files.example (198.51.100.77), 14 min before."


def test_small_traffic_is_no_transfer() -> None:
    assert largest_transfer([flow(0, bytes_in=5_000)], NOON + timedelta(minutes=1)) is None
    assert largest_transfer([], NOON) is None


def test_what_a_peer_pushed_is_said_so() -> None:
    transfer = largest_transfer([flow(0, bytes_in=5 * MB, is_inbound=True)], NOON + timedelta(minutes=2))

    assert transfer is not None
    assert transfer.sentence == "5.0 MB sent by 203.0.113.44, 2 min before."


def test_only_larger_outside_peers_are_worth_asking_for() -> None:
    peers = [
        total("10.0.0.9", 90 * MB),
        total("192.0.2.1", 2 * MB, internal=False),
        total("192.0.2.2", 8 * MB, internal=False),
        total("192.0.2.3", 900, internal=False),
    ]

    assert [peer.peer for peer in candidates(peers)] == ["192.0.2.2", "192.0.2.1"]


def test_knocking_counts_outside_sources_and_answers() -> None:
    summary = knocking(
        [
            total("203.0.113.1", 60, internal=False, port=22, connections=30),
            total("203.0.113.2", 60, internal=False, port=80, connections=2, bytes_out=90_000),
            total("10.0.0.4", 60, connections=5),
        ]
    )

    assert summary.sentence == "32 inbound connections from 2 sources outside; 1 got an answer."
    assert summary.ports == [22, 445, 80]
    assert not summary.is_partial


def test_nobody_knocking_is_said_too() -> None:
    assert knocking([]).sentence.startswith("Nobody outside opened a connection to it")


def test_real_attacks_from_outside_are_inbound(visitors: Callable[[str, str], list[PeerTotal]]) -> None:
    attacked = knocking(visitors("benign-day-attacked", "147.32.81.167"))
    scanned = knocking(visitors("suricata-day", "192.168.1.129"))

    assert attacked.is_partial
    assert attacked.outside_connections > 2500
    assert attacked.sentence.startswith("At least ")
    assert scanned.outside_connections > 1500
    assert {80, 445} <= set(scanned.ports)
