"""What came to a device: the larger transfer shortly before something happened, and who knocked from outside."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from enrichment.reasoning.measures import counted, size
from secops.connectors.capabilities.traffic import Flow, PeerTotal

MINUTES_BEFORE = 60.0
LARGER_FROM = 1_000_000  # bytes
MOST_PEERS = 500  # what a connector tells at most
EMPTY_BYTES = 120  # two packets without content, for sensors that count headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Bytes that one peer sent to the device; `was_opened_by_peer` False means that the device fetched them."""

    peer: str
    peer_name: str
    port: int
    bytes_in: int
    at: datetime
    minutes_before: float
    was_opened_by_peer: bool

    @property
    def sentence(self) -> str:
        """One line for the card."""
        source = f"{self.peer_name} ({self.peer})" if self.peer_name else self.peer
        done = "sent by" if self.was_opened_by_peer else "fetched from"
        return f"{size(self.bytes_in)} {done} {source}, {self.minutes_before:.0f} min before."


@dataclass(frozen=True, slots=True, kw_only=True)
class Knocking:
    """Connections that others opened to the device. `answered` got content back; `ports` are the device's busiest."""

    connections: int
    sources: int
    outside_sources: int
    outside_connections: int
    answered_sources: int
    ports: list[int]
    is_partial: bool  # the connector tells of the busiest only: there may be more

    @property
    def sentence(self) -> str:
        """One line for the card; being knocked at is not the device's doing."""
        if not self.outside_connections:
            return f"Nobody outside opened a connection to it; {counted(self.connections, 'connection')} from inside."
        answered = f"{self.answered_sources} got an answer" if self.answered_sources else "none got an answer"
        return (
            f"{'At least ' if self.is_partial else ''}{counted(self.outside_connections, 'inbound connection')} from "
            f"{counted(self.outside_sources, 'source')} outside; {answered}."
        )


def candidates(peers: Sequence[PeerTotal], *, least: int = LARGER_FROM) -> list[PeerTotal]:
    """Outside peers from which enough came, most bytes first: those whose connections are worth asking for."""
    larger = [peer for peer in peers if not peer.is_internal and peer.bytes_in >= least]
    return sorted(larger, key=lambda peer: -peer.bytes_in)


def largest_transfer(
    flows: Sequence[Flow], at: datetime, *, minutes: float = MINUTES_BEFORE, least: int = LARGER_FROM
) -> Transfer | None:
    """The one connection that brought most in the minutes before `at`, or None when none brought `least` bytes."""
    since = at - timedelta(minutes=minutes)
    before = [flow for flow in flows if since <= flow.at <= at and flow.bytes_in >= least]
    if not before:
        return None
    flow = max(before, key=lambda one: (one.bytes_in, one.at))
    return Transfer(
        peer=flow.peer,
        peer_name=flow.peer_name,
        port=flow.peer_port,
        bytes_in=flow.bytes_in,
        at=flow.at,
        minutes_before=round((at - flow.at).total_seconds() / 60, 1),
        was_opened_by_peer=flow.is_inbound,
    )


def knocking(inbound: Sequence[PeerTotal]) -> Knocking:
    """Sum up who opened connections to the device. Totals are seen from the device: bytes_out is what it answered."""
    ports: Counter[int] = Counter()
    for total in inbound:
        ports[total.port] += total.connections
    outside = [total for total in inbound if not total.is_internal]
    return Knocking(
        connections=sum(total.connections for total in inbound),
        sources=len({total.peer for total in inbound}),
        outside_sources=len({total.peer for total in outside}),
        outside_connections=sum(total.connections for total in outside),
        answered_sources=len({total.peer for total in outside if total.bytes_out > EMPTY_BYTES * total.connections}),
        ports=[port for port, _ in ports.most_common(5)],
        is_partial=len(inbound) >= MOST_PEERS,
    )
