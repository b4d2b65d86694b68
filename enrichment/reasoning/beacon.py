"""Does a device call somewhere by the clock, and does that mean anything?

`find_beacon` measures and says regular or not, never malicious: updaters, agents and time servers are regular, too.
`judge_beacon` weighs the measure with who else goes there, which program does it and what others say of the address.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from statistics import median

from enrichment.reasoning.measures import SIGMA, Signal, counted, mad, size, span
from secops.connectors.capabilities.places import Listing, Reputation
from secops.connectors.capabilities.traffic import Flow

LEAST_CONNECTIONS = 12
SHORTEST_PERIOD = 1.0  # seconds; anything faster is one conversation in pieces
MOST_JITTER = 40.0  # percent; connections by chance have about 100
LEAST_COVERAGE = 0.5  # of the beats between first and last
COMMON_SHARE = 0.25  # of the known devices
COMMON_DEVICES = 5
CONVICTING_ENGINES = 3
YOUNG_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """What the clock shows. Seconds; `jitter_percent` is the robust deviation of the gaps (1.48 MAD) in percent of the
    period; `coverage` the share of beats between first and last that have a connection; `pauses` are gaps of more
    than three periods."""

    peer: str
    port: int
    connections: int
    period: float
    mad: float
    jitter_percent: float
    coverage: float
    pauses: int
    first_at: datetime
    last_at: datetime
    bytes_out: int
    bytes_in: int
    is_regular: bool

    @property
    def sentence(self) -> str:
        """One line for the card."""
        start = f"{counted(self.connections, 'connection')} to {self.peer}:{self.port}"
        if not self.is_regular:
            return f"{start}, not regular."
        return (
            f"{start}, one every {span(self.period)} (jitter {self.jitter_percent:.0f} %), {size(self.bytes_out)} sent."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else is known of the peer and of the program. None means that nobody could say."""

    devices: int | None = None  # inside devices that go there, this one among them
    known_devices: int | None = None  # inside devices that were seen at all
    is_signed: bool | None = None
    signer: str = ""
    process: str = ""
    listings: Sequence[Listing] = ()
    reputation: Reputation | None = None
    registered_days_ago: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`verdict` is malicious, suspicious, benign or informational; the signals say why, the heaviest first."""

    verdict: str
    headline: str
    signals: list[Signal] = field(default_factory=list)


def find_beacon(flows: Sequence[Flow]) -> Beacon | None:
    """Measure the connections between one device and one peer; None when there are fewer than two starts.

    The median of the gaps and its deviation stand fast where a night's pause or a lost hour would move a mean.
    """
    opened = sorted((flow for flow in flows if not flow.is_inbound), key=lambda flow: flow.at)
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(opened)]
    if not gaps:
        return None
    period, spread = median(gaps), mad(gaps)
    jitter = 100 * SIGMA * spread / period if period > 0 else float("inf")
    coverage = _coverage(gaps, period)
    return Beacon(
        peer=opened[0].peer,
        port=opened[0].peer_port,
        connections=len(opened),
        period=round(period, 2),
        mad=round(spread, 2),
        jitter_percent=round(jitter, 1),
        coverage=round(coverage, 2),
        pauses=sum(gap > 3 * period for gap in gaps),
        first_at=opened[0].at,
        last_at=opened[-1].at,
        bytes_out=sum(flow.bytes_out for flow in opened),
        bytes_in=sum(flow.bytes_in for flow in opened),
        is_regular=(
            len(opened) >= LEAST_CONNECTIONS
            and period >= SHORTEST_PERIOD
            and jitter <= MOST_JITTER
            and coverage >= LEAST_COVERAGE
        ),
    )


def _coverage(gaps: Sequence[float], period: float) -> float:
    """Filled beats by all beats; the longest tenth of the gaps is left out, as a device that sleeps skips no beat."""
    if period <= 0:
        return 0.0
    kept = sorted(gaps)[: max(1, round(len(gaps) * 0.9))]
    return min(1.0, len(kept) * period / max(sum(kept), period))


def find_beacons(flows: Sequence[Flow]) -> list[Beacon]:
    """The regular ones among all peers and ports of a device, most connections first."""
    by_peer: dict[tuple[str, int], list[Flow]] = {}
    for flow in flows:
        by_peer.setdefault((flow.peer, flow.peer_port), []).append(flow)
    found = [beacon for group in by_peer.values() if (beacon := find_beacon(group)) and beacon.is_regular]
    return sorted(found, key=lambda beacon: -beacon.connections)


def judge_beacon(beacon: Beacon, around: Surroundings) -> Judgement:
    """Weigh a measured beacon. What others know convicts, regularity alone never does; only *many devices* and
    *a signed program* together acquit, never a name, a network or one of the two alone."""
    signals = sorted(_signals(beacon, around), key=lambda signal: -abs(signal.points))
    verdict = _verdict(beacon, around)
    return Judgement(verdict=verdict, headline=_headline(verdict, beacon, around), signals=signals)


def _verdict(beacon: Beacon, around: Surroundings) -> str:
    if _is_convicted(around):
        return "malicious"
    if not beacon.is_regular:
        return "informational"
    common, signed = _is_common(around), around.is_signed
    if common and signed:
        return "benign"
    if common or signed:
        return "informational"
    return "suspicious"


def _is_convicted(around: Surroundings) -> bool:
    reputation = around.reputation
    return reputation is not None and reputation.malicious >= CONVICTING_ENGINES


def _is_common(around: Surroundings) -> bool:
    """Do many devices go there, by number or by share of those seen?"""
    if around.devices is None or around.devices < 3:
        return False
    if around.devices >= COMMON_DEVICES:
        return True
    return bool(around.known_devices) and around.devices / (around.known_devices or 1) >= COMMON_SHARE


def _signals(beacon: Beacon, around: Surroundings) -> list[Signal]:
    signals = [Signal(text=beacon.sentence, points=20 if beacon.is_regular else 0)]
    signals += _prevalence_signals(around)
    signals += _program_signals(around)
    signals += _reputation_signals(around)
    signals += [Signal(text=f"Listed as {listing.kind} on {listing.name}.") for listing in around.listings]
    if around.registered_days_ago is not None and around.registered_days_ago < YOUNG_DAYS:
        signals.append(Signal(text=f"Registered {counted(around.registered_days_ago, 'day')} ago.", points=15))
    return signals


def _prevalence_signals(around: Surroundings) -> list[Signal]:
    if around.devices is None:
        return [Signal(text="Nobody could say which other devices go there.")]
    of_known = f" of {around.known_devices}" if around.known_devices else ""
    if around.devices <= 1:
        return [Signal(text=f"Only this device{of_known} goes there.", points=20)]
    points = -15 if _is_common(around) else 0
    return [Signal(text=f"{around.devices}{of_known} devices go there.", points=points)]


def _program_signals(around: Surroundings) -> list[Signal]:
    program = around.process.rsplit("\\", 1)[-1] or "The program"
    if around.is_signed:
        signer = f" by {around.signer}" if around.signer else ""
        return [Signal(text=f"{program} is signed{signer}.", points=-15)]
    if around.is_signed is False:
        return [Signal(text=f"{program} is not signed.", points=20)]
    return [Signal(text="Nobody could say which signed program does it.")]


def _reputation_signals(around: Surroundings) -> list[Signal]:
    reputation = around.reputation
    if reputation is None:
        return []
    if not reputation.malicious:
        return [Signal(text=f"Malicious by none of {counted(reputation.checked, 'engine')}.", points=-5)]
    family = f" ({', '.join(reputation.families)})" if reputation.families else ""
    points = 50 if reputation.malicious >= CONVICTING_ENGINES else 15
    return [Signal(text=f"Malicious by {reputation.malicious} of {reputation.checked} engines{family}.", points=points)]


HEADLINES = {
    "suspicious": "Regular calls to {peer} that nothing explains, every {period}",
    "benign": "Regular calls to {peer} by a signed program of many devices",
    "informational": "Regular calls to {peer}, every {period}",
}


def _headline(verdict: str, beacon: Beacon, around: Surroundings) -> str:
    if verdict == "malicious":
        families = around.reputation.families if around.reputation else []
        known = f"known for {', '.join(families)}" if families else "known as malicious"
        calls = f"Calls every {span(beacon.period)}" if beacon.is_regular else counted(beacon.connections, "connection")
        return f"{calls} to {beacon.peer}, {known}"
    if not beacon.is_regular:
        return f"No regular pattern in {counted(beacon.connections, 'connection')} to {beacon.peer}"
    return HEADLINES[verdict].format(peer=beacon.peer, period=span(beacon.period))
