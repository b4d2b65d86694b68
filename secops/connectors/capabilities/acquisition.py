"""Evidence taken from a device by a product: asked for, waited for, and fetched in pieces."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from secops.connectors.capabilities.identity import Host

TRIAGE, MEMORY, DISK, FILE = "triage", "memory", "disk", "file"  # what can be asked for


class Check(Protocol):
    """Reads a part from its first byte on and compares the files in it with what the product hashed at the source."""

    def update(self, chunk: bytes) -> None: ...

    def wrong(self) -> list[str]:
        """The files that are others, by their paths on the device; asked after the last byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of an acquisition, ready to be fetched. `sha256` is what the product hashed at the source.

    `check` begins a check of a package: nobody hashed it as a whole before it was sent, but each file in it.
    """

    name: str
    size: int  # bytes
    sha256: str = ""
    media_type: str = ""
    check: Callable[[], Check] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """How far an acquisition is. `state`: queued (the device is not reached yet), running, done, failed.

    Sizes in bytes, None where the product does not say. `clock_offset_seconds` is the device's clock against ours.
    """

    state: str
    text: str = ""  # the last line that the product said
    done_bytes: int | None = None
    total_bytes: int | None = None
    tool: str = ""
    tool_version: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    clock_offset_seconds: int | None = None
    read_errors: int | None = None
    note: str = ""  # what must be said of it in custody, such as whose memory it really is
    parts: tuple[Part, ...] = ()


@runtime_checkable
class Acquires(Protocol):
    """A connector may have `bytes_per_second`, the most that is to be fetched of one acquisition; None: no bound."""

    def acquire(self, host: Host, what: str, key: str, *, path: str = "") -> str:
        """Ask for a triage package, memory, a disk, or the file at `path`; returns the product's handle.

        The same `key` asks for the same acquisition again, never for a second one. NoEffect when it cannot be had.
        """

    def acquisition(self, host: Host, handle: str) -> Acquisition: ...

    def fetch_part(self, host: Host, handle: str, part: Part, offset: int) -> Iterator[bytes]:
        """The bytes of a part from `offset` on; the caller stops when it has had enough and comes back later."""

    def abandon(self, host: Host, handle: str) -> None:
        """Cancel it at the product too; nothing happens when it has ended."""
