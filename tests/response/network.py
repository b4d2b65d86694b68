"""A product of the tests' own that closes ports and accounts, blocks values and captures packets; and a DHCP server."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from response.actions.base import actions
from response.services import drills
from secops import integrations
from secops.connectors.base import Connector, connectors
from secops.connectors.capabilities.capture import CaptureState, Segment
from secops.connectors.capabilities.containment import AccountState
from secops.connectors.capabilities.effects import IsolationState, NetworkPath
from secops.connectors.capabilities.errors import NoEffect, SourceRefused
from secops.connectors.capabilities.identity import DeviceRecord, Lease
from secops.practice.products.packets import Talk, packets_of, pcap

MAC, OWN, DNS = "02:42:0a:00:00:07", "10.20.3.7", "10.20.0.10"
BEGAN = datetime(2026, 11, 28, 14, 0, tzinfo=UTC)


class Network:
    """What the product holds, and what it says."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, str]] = []
        self.state = "released"
        self.paths: tuple[NetworkPath, ...] = ()
        self.enabled: dict[str, bool] = {}
        self.revoked: dict[str, str] = {}
        self.blocked: set[tuple[str, str]] = set()
        self.lease: Lease | None = None
        self.record: DeviceRecord | None = None
        self.watches: bool | None = None
        self.sees = True
        self.segments: list[tuple[Segment, bytes]] = []
        self.broken: list[Exception] = []
        self.silent: list[Exception] = []
        self.fetched: list[str] = []
        self.slow: dict[str, float] = {}
        self.piece = 100_000
        self.breaks: list[int] = []
        self.offsets: list[int] = []
        self.closed = 0
        self.stopped = False

    def add_segment(self, *peers: str, name: str = "", names: Sequence[str] = ()) -> Segment:
        """A finished file in which the device asked for these names and spoke to these peers."""
        number = len(self.segments)
        start = BEGAN + timedelta(minutes=5 * number)
        talks = [
            Talk(at=start.timestamp() + 1, mac=MAC, address=OWN, port=50_001 + at, peer=peer, peer_port=443)
            for at, peer in enumerate(peers)
        ]
        talks += [
            Talk(at=start.timestamp(), mac=MAC, address=OWN, port=40_001, peer=DNS, peer_port=53, is_udp=True, name=one)
            for one in names
        ]
        data = pcap(packet for talk in talks for packet in packets_of(talk))
        name = name or f"part-{number}"
        segment = Segment(name=name, size=len(data), started_at=start, ended_at=start + timedelta(minutes=5))
        self.segments.append((segment, data))
        return segment


NETWORK = Network()


@connectors.register
class FakeNetwork(Connector):
    slug = "test_network"
    label = "Test network"
    settling_seconds = 30.0

    def quarantine(self, host: Any, reason: str, key: str) -> str:
        if not host.mac:
            raise NoEffect("The network closes a port by MAC address, and none is known.")
        NETWORK.effects.append(("quarantine", host.mac))
        NETWORK.state = "isolated"
        return "handle"

    def lift_quarantine(self, host: Any, reason: str, key: str) -> str:
        NETWORK.effects.append(("lift", host.mac))
        NETWORK.state = "released"
        return "handle"

    def quarantine_state(self, host: Any) -> IsolationState:
        return IsolationState(state=NETWORK.state, text="", paths=NETWORK.paths)

    def disable_account(self, account: str) -> None:
        NETWORK.effects.append(("disable", account))
        NETWORK.enabled[account] = False

    def enable_account(self, account: str) -> None:
        NETWORK.effects.append(("enable", account))
        NETWORK.enabled[account] = True

    def revoke_sessions(self, account: str) -> None:
        NETWORK.effects.append(("revoke", account))
        NETWORK.revoked[account] = datetime.now(UTC).isoformat()

    def account_state(self, account: str) -> AccountState:
        return AccountState(
            is_enabled=NETWORK.enabled.get(account, True), sessions_revoked_at=NETWORK.revoked.get(account, "")
        )

    def block(self, kind: str, value: str, reason: str, key: str) -> str:
        NETWORK.effects.append(("block", value))
        NETWORK.blocked.add((kind, value))
        return "7"

    def unblock(self, kind: str, value: str) -> None:
        NETWORK.effects.append(("unblock", value))
        NETWORK.blocked.discard((kind, value))

    def is_blocked(self, kind: str, value: str) -> bool:
        return (kind, value) in NETWORK.blocked

    def watches(self, host: Any) -> bool | None:
        return NETWORK.watches

    def start_capture(self, host: Any, key: str, *, rotate_seconds: int) -> str:
        if not NETWORK.sees:
            raise NoEffect("No packet capture is possible there: no sensor has seen it.")
        NETWORK.effects.append(("capture", host.mac or host.address))
        return "running"

    def capture(self, host: Any, handle: str) -> CaptureState:
        if NETWORK.silent:
            raise NETWORK.silent.pop(0)
        return CaptureState(
            state="stopped" if handle == "ended" else "running",
            tool="tcpdump",
            tool_version="4.99",
            sensor="LIS-2",
            segments=tuple(segment for segment, _ in NETWORK.segments),
        )

    def fetch_segment(self, host: Any, handle: str, segment: Segment, offset: int) -> Any:
        if NETWORK.broken:
            raise NETWORK.broken.pop(0)
        NETWORK.fetched.append(segment.name)
        NETWORK.offsets.append(offset)
        most = NETWORK.breaks.pop(0) if NETWORK.breaks else None
        data = next(data for one, data in NETWORK.segments if one.name == segment.name)
        try:
            for at in range(offset, len(data), NETWORK.piece):
                if most is not None and at - offset >= most:
                    raise SourceRefused("broke off")
                yield data[at : at + NETWORK.piece]
                time.sleep(NETWORK.slow.get(segment.name, 0))
        finally:
            NETWORK.closed += 1

    def stop_capture(self, host: Any, handle: str) -> str:
        if not NETWORK.stopped:
            NETWORK.stopped = True
            NETWORK.add_segment("203.0.113.44", name="last")
        return "ended"


@connectors.register
class FakeDhcp(Connector):
    slug = "test_dhcp"
    label = "Test DHCP"

    def lease_at(self, address: str, at: datetime) -> Lease | None:
        return NETWORK.lease if NETWORK.lease and NETWORK.lease.address == address else None

    def leases_of(self, mac: str) -> list[Lease]:
        return [NETWORK.lease] if NETWORK.lease and NETWORK.lease.mac.lower() == mac else []


@connectors.register
class FakeDirectory(Connector):
    """Knows the MAC address of a device by its id."""

    slug = "test_macs"
    label = "Test directory"

    def find_device(self, host: Any) -> DeviceRecord | None:
        return NETWORK.record

    def devices_of(self, login: str) -> list[DeviceRecord]:
        return []

    def find_person(self, login: str) -> None:
        return None


def add_network() -> None:
    """Set up, and trusted with every group, as the practice range is."""
    drills.record_simulated(
        integrations.add("test_network", "Network", {}), actions["quarantine_device"], timezone.now()
    )


def lease(hostname: str) -> Lease:
    return Lease(address=OWN, mac=MAC.upper(), hostname=hostname, starts_at=BEGAN, ends_at=None)
