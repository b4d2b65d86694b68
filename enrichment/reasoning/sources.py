"""From which inside servers a device took data, and how unusual each amount is for this device."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from enrichment.reasoning.measures import size
from enrichment.reasoning.volume import Comparison, compare
from secops.connectors.capabilities.traffic import PeerTotal

WORTH_TELLING = 1_000_000  # bytes today


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An inside server: what the device took from it in the last 24 hours, against its past days with it."""

    peer: str
    peer_name: str
    ports: list[int]
    bytes_in: int
    share: float  # of everything taken from inside today
    days_seen: int  # past days on which the device was there at all
    comparison: Comparison

    @property
    def is_unusual(self) -> bool:
        """Far above its ordinary amount, or much from where it never was before though its past is known."""
        return self.comparison.is_unusual

    @property
    def sentence(self) -> str:
        """One line for the card."""
        name = self.peer_name or self.peer
        if not self.days_seen:
            return f"{size(self.bytes_in)} received from {name}, where it was on no past day."
        return f"{name}: {self.comparison.sentence}"


def inside_sources(days: Sequence[Sequence[PeerTotal]]) -> list[Source]:
    """Peers by day, `days[0]` the 24 hours before the alert, `days[1]` the 24 before those, ...; most bytes first.

    A past day on which the device talked to nobody is left out; one on which it was at work but not at this server
    counts as 0 bytes.
    """
    at_work = [number for number, day in enumerate(days) if number and day]
    by_peer: dict[str, dict[int, int]] = defaultdict(lambda: dict.fromkeys(at_work, 0))
    for number, day in enumerate(days):
        for total in _inside(day):
            by_peer[total.peer][number] = by_peer[total.peer].get(number, 0) + total.bytes_in
    today = list(_inside(days[0])) if days else []
    everything = sum(total.bytes_in for total in today) or 1
    found = [
        _source(peer, amounts, [total for total in today if total.peer == peer], everything)
        for peer, amounts in by_peer.items()
        if amounts.get(0, 0) >= WORTH_TELLING
    ]
    return sorted(found, key=lambda source: -source.bytes_in)


def _inside(day: Iterable[PeerTotal]) -> Iterable[PeerTotal]:
    return (total for total in day if total.is_internal)


def _source(peer: str, amounts: dict[int, int], today: Sequence[PeerTotal], everything: int) -> Source:
    return Source(
        peer=peer,
        peer_name=next((total.peer_name for total in today if total.peer_name), ""),
        ports=sorted({total.port for total in today}),
        bytes_in=amounts[0],
        share=round(amounts[0] / everything, 3),
        days_seen=sum(count > 0 for number, count in amounts.items() if number),
        comparison=compare(amounts, "received"),
    )
