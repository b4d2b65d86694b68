"""Invented traffic by the clock and by chance."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from secops.connectors.capabilities.traffic import Flow, PeerTotal

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def flow(seconds: float, *, peer: str = "203.0.113.44", port: int = 443, **more: Any) -> Flow:
    """A connection so many seconds after noon."""
    values: dict[str, Any] = {"seconds": 1.0, "device": "10.0.0.1", "proto": "tcp", "bytes_out": 100, "bytes_in": 400}
    return Flow(at=NOON + timedelta(seconds=seconds), peer=peer, peer_port=port, **(values | more))


def ticks(count: int, period: float, *, spread: Iterable[float] = (0.0,), start: float = 0.0) -> list[Flow]:
    """Connections every `period` seconds, each moved by the next of `spread`."""
    moves = list(spread)
    return [flow(start + number * period + moves[number % len(moves)]) for number in range(count)]


def total(peer: str, bytes_in: int, *, internal: bool = True, **more: Any) -> PeerTotal:
    values: dict[str, Any] = {
        "peer_name": "",
        "port": 445,
        "connections": 1,
        "bytes_out": 0,
        "first_at": NOON,
        "last_at": NOON,
    }
    return PeerTotal(peer=peer, bytes_in=bytes_in, is_internal=internal, **(values | more))
