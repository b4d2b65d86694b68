"""Did a device try many ports of one host (vertical), one port of many hosts (horizontal), or both?

A connection counts as failed when next to nothing came back: refused, unanswered, or dropped after the handshake.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from enrichment.reasoning.measures import counted, span
from secops.connectors.capabilities.traffic import Flow

WINDOW_SECONDS = 600.0
LEAST_TARGETS = 15  # ports of one host or hosts of one port within the window
LEAST_FAILED = {"vertical": 0.3, "horizontal": 0.5, "block": 0.3}  # share; browsers reach many hosts and are answered
EMPTY_BYTES = 120  # two packets without content, for sensors that count headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """`kind` is vertical (one host, many ports), horizontal (one port, many hosts) or block (many of both)."""

    kind: str
    target: str  # the host, or the port as text; empty for a block
    hosts: int
    ports: int
    connections: int
    failed_share: float
    first_at: datetime
    last_at: datetime

    @property
    def seconds(self) -> float:
        return (self.last_at - self.first_at).total_seconds()

    @property
    def sentence(self) -> str:
        """One line for the card."""
        within = f"within {span(max(self.seconds, 0.1))}, {self.failed_share:.0%} without an answer"
        if self.kind == "vertical":
            return f"{counted(self.ports, 'port')} of {self.target} tried {within}."
        if self.kind == "horizontal":
            return f"Port {self.target} of {counted(self.hosts, 'host')} tried {within}."
        return f"{counted(self.ports, 'port')} on {counted(self.hosts, 'host')} tried {within}."


def find_scans(flows: Sequence[Flow], *, window: float = WINDOW_SECONDS) -> list[Scan]:
    """Scans that the device made, oldest first; pauses longer than `window` seconds part one from the next. Inbound
    connections are somebody else's."""
    opened = sorted((flow for flow in flows if not flow.is_inbound), key=lambda flow: flow.at)
    down = _sweeping(opened, lambda flow: flow.peer, lambda flow: flow.peer_port, window)
    across = _sweeping(opened, lambda flow: flow.peer_port, lambda flow: flow.peer, window)
    either = down | across
    swept = [flow for number, flow in enumerate(opened) if number in either]
    numbers = {id(flow): number for number, flow in enumerate(opened)}
    scans: list[Scan] = []
    for burst in _bursts(swept, window):
        vertical = _grouped((flow for flow in burst if numbers[id(flow)] in down), lambda flow: flow.peer)
        horizontal = _grouped((flow for flow in burst if numbers[id(flow)] in across), lambda flow: flow.peer_port)
        if len(vertical) > 1 and len(horizontal) > 1:
            scans.append(_scan("block", "", burst))
            continue
        scans += [_scan("vertical", peer, group) for peer, group in vertical.items()]
        scans += [_scan("horizontal", str(port), group) for port, group in horizontal.items()]
    return [scan for scan in scans if scan.failed_share >= LEAST_FAILED[scan.kind]]


def _sweeping[K: Hashable, T: Hashable](
    flows: Sequence[Flow], key: Callable[[Flow], K], target: Callable[[Flow], T], window: float
) -> set[int]:
    """The places in the list of all connections that lie in a stretch with enough different targets of one key."""
    inside: dict[K, deque[int]] = defaultdict(deque)
    seen: dict[K, Counter[T]] = defaultdict(Counter)
    sweeping: set[int] = set()
    running: set[K] = set()  # keys whose stretch was long enough one connection ago: all of it is noted already
    for number, flow in enumerate(flows):
        recent, targets = inside[key(flow)], seen[key(flow)]
        recent.append(number)
        targets[target(flow)] += 1
        while (flow.at - flows[recent[0]].at).total_seconds() > window:
            old = target(flows[recent.popleft()])
            targets[old] -= 1
            if not targets[old]:
                del targets[old]
        if len(targets) < LEAST_TARGETS:
            running.discard(key(flow))
            continue
        sweeping.update((number,) if key(flow) in running else recent)
        running.add(key(flow))
    return sweeping


def _bursts(flows: Sequence[Flow], window: float) -> list[list[Flow]]:
    bursts: list[list[Flow]] = []
    for flow in flows:
        if bursts and (flow.at - bursts[-1][-1].at).total_seconds() <= window:
            bursts[-1].append(flow)
        else:
            bursts.append([flow])
    return bursts


def _grouped[K: Hashable](flows: Iterable[Flow], key: Callable[[Flow], K]) -> dict[K, list[Flow]]:
    groups: dict[K, list[Flow]] = {}
    for flow in flows:
        groups.setdefault(key(flow), []).append(flow)
    return groups


def _scan(kind: str, target: str, flows: Sequence[Flow]) -> Scan:
    return Scan(
        kind=kind,
        target=target,
        hosts=len({flow.peer for flow in flows}),
        ports=len({flow.peer_port for flow in flows}),
        connections=len(flows),
        failed_share=round(sum(flow.bytes_in <= EMPTY_BYTES for flow in flows) / len(flows), 2),
        first_at=min(flow.at for flow in flows),
        last_at=max(flow.at for flow in flows),
    )
