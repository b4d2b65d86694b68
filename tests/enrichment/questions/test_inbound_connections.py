"""Being knocked at is not the device's doing; an answer to somebody outside is."""

from typing import Any

from cases.choices import Verdict
from enrichment.questions.inbound_connections import InboundConnections
from secops.connectors.capabilities.traffic import PeerTotal
from tests.enrichment.questions.asking import Says, about, ask, fact, points
from tests.enrichment.reasoning.flows import total

OUTSIDE = "198.51.100.9"


def knocked(*peers: PeerTotal, out: list[PeerTotal] | None = None) -> Any:
    """The source's answer: who connected to the device, and where it went itself."""
    return lambda *_, inbound=False: list(peers) if inbound else out or []


def test_scanners_without_an_answer_convict_nobody() -> None:
    scanners = [total(f"198.51.100.{number}", 60, internal=False, port=23) for number in range(40)]

    judgement = ask(InboundConnections, about(), peers=knocked(*scanners))

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert judgement.headline == "40 inbound connections from 40 sources outside; none got an answer."
    assert points(judgement) == 0


def test_an_answer_to_somebody_outside_counts() -> None:
    judgement = ask(
        InboundConnections, about(), peers=knocked(total(OUTSIDE, 900, internal=False, port=8443, bytes_out=40_000))
    )

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Inbound")
    assert judgement.data["answered_sources"] == 1


def test_a_remote_control_port_from_inside_is_named() -> None:
    judgement = ask(InboundConnections, about(), peers=knocked(total("10.1.2.3", 90_000, port=3389, bytes_out=800_000)))

    assert judgement.label == "Remote control"
    assert fact(judgement, "Remote control") == "RDP from 10.1.2.3"


def test_a_refused_knock_at_a_remote_control_port_is_no_remote_control() -> None:
    judgement = ask(
        InboundConnections, about(), peers=knocked(total(OUTSIDE, 60, internal=False, port=3389, bytes_out=60))
    )

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert fact(judgement, "Remote control") == "none"


def test_a_device_that_was_seen_and_left_alone_is_said_so() -> None:
    judgement = ask(InboundConnections, about(), peers=knocked(out=[total("10.1.2.3", 1)]))

    assert judgement.headline.startswith("Nobody outside opened a connection to it")


def test_a_device_that_the_source_did_not_see_is_no_answer() -> None:
    assert InboundConnections().ask(Says(peers=knocked()), about()) is None
