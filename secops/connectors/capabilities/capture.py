"""Packets of a device, captured in segments that rotate until somebody stops it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from secops.connectors.capabilities.identity import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One finished file of packets (pcap or pcapng); its size in bytes.

    0 is the size of a file that the product makes anew at each request: it has no size before, and nobody can go on
    with it in the middle. It is fetched whole, from its first byte.
    """

    name: str
    size: int
    started_at: datetime | None = None
    ended_at: datetime | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureState:
    """`state`: starting, running, stopped, failed. `segments` holds the finished ones, oldest first."""

    state: str
    text: str = ""
    tool: str = ""
    tool_version: str = ""
    sensor: str = ""  # where the packets are taken
    segments: tuple[Segment, ...] = ()


@runtime_checkable
class Captures(Protocol):
    def start_capture(self, host: Host, key: str, *, rotate_seconds: int) -> str:
        """Capture all packets of the device, unfiltered; returns the handle. The same `key` starts it once.

        NoEffect where no sensor sees the device: then no capture is possible there.
        """

    def capture(self, host: Host, handle: str) -> CaptureState: ...

    def fetch_segment(self, host: Host, handle: str, segment: Segment, offset: int) -> Iterator[bytes]: ...

    def stop_capture(self, host: Host, handle: str) -> str:
        """End it, and make the last segment one that can be fetched; nothing happens when it has ended.

        Returns the handle that is asked from here on: a sensor that always records keeps the end in it.
        """


@runtime_checkable
class Watches(Protocol):
    """Had beside `Captures` by a connector whose settings say what its sensors see."""

    def watches(self, host: Host) -> bool | None:
        """Can a sensor see the device? Nothing is asked outside; None = the settings do not say."""
