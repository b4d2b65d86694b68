"""What traffic a device had: connections, volumes, peers, web requests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from secops.connectors.capabilities.identity import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One connection, seen from the device: out is what it sent."""

    at: datetime
    seconds: float
    device: str  # its address or name, as logged
    peer: str
    peer_port: int
    proto: str
    bytes_out: int
    bytes_in: int
    is_inbound: bool = False
    service: str = ""
    peer_name: str = ""  # TLS name or HTTP host, when logged


@dataclass(frozen=True, slots=True, kw_only=True)
class DayVolume:
    """A device's traffic with the outside (`is_internal` False) or inside in one UTC day that ends at the asked time of
    day: day 0 is the 24 hours before the alert, day 1 the 24 before those, ..."""

    days_ago: int
    bytes_out: int
    bytes_in: int
    connections: int
    peers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTotal:
    peer: str
    peer_name: str
    port: int
    connections: int
    bytes_out: int
    bytes_in: int
    first_at: datetime
    last_at: datetime
    is_internal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    at: datetime
    method: str
    host: str
    path: str
    status: int | None
    bytes_in: int
    bytes_out: int
    user_agent: str = ""
    referrer: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a source really covers; said on the card when it is less than asked."""

    start: datetime | None
    end: datetime | None


@runtime_checkable
class Flows(Protocol):
    def connections(self, host: Host, peer: str, start: datetime, end: datetime) -> list[Flow]:
        """Between the device and one peer, oldest first, at most 20,000."""

    def volumes(self, host: Host, end: datetime, days: int, *, internal: bool) -> list[DayVolume]:
        """One per day, days_ago 0 .. days-1; a day without traffic has zeros."""

    def peers(self, host: Host, start: datetime, end: datetime, *, inbound: bool = False) -> list[PeerTotal]:
        """Busiest by bytes first, at most 500; inbound = who opened connections to the device."""

    def fan_out(self, host: Host, start: datetime, end: datetime) -> list[Flow]:
        """Short or failed connections that the device opened, oldest first, at most 20,000: for scans."""

    def talkers(self, peer: str, start: datetime, end: datetime) -> list[str]:
        """Internal addresses or names that reached the peer: prevalence."""

    def flow_window(self) -> Window: ...


@runtime_checkable
class WebRequests(Protocol):
    def web_requests(self, host: Host, start: datetime, end: datetime) -> list[WebRequest]:
        """Oldest first, at most 5,000."""
