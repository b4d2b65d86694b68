"""The real samples, through the log store, where they are at hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.connectors.capabilities.identity import Host
from secops.connectors.capabilities.traffic import Flow, PeerTotal
from secops.logfiles.flows import connections, fan_out, peers
from secops.logfiles.store import LogStore

SAMPLES = Path(__file__).parents[3] / "../shared/data/telemetry"
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str], LogStore]:
    """A store over one set."""

    def make(name: str) -> LogStore:
        if not (SAMPLES / name).is_dir():
            pytest.skip("the real samples are not here")
        return LogStore(SAMPLES / name, tmp_path / "cache", is_relative=True)

    return make


@pytest.fixture
def between(sample: Callable[[str], LogStore]) -> Callable[[str, str, str], list[Flow]]:
    """Connections of a set between a device and a peer."""
    return lambda name, device, peer: connections(sample(name), Host(address=device), peer, *EVER)


@pytest.fixture
def fanned(sample: Callable[[str], LogStore]) -> Callable[[str, str], list[Flow]]:
    """Short or failed connections that a device of a set opened."""
    return lambda name, device: fan_out(sample(name), Host(address=device), *EVER)


@pytest.fixture
def visitors(sample: Callable[[str], LogStore]) -> Callable[[str, str], list[PeerTotal]]:
    """Who opened connections to a device of a set."""
    return lambda name, device: peers(sample(name), Host(address=device), *EVER, inbound=True)
