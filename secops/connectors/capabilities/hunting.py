"""Looking for something on all devices at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from secops.hunting.conditions import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where to look. `group` is a device group as the source names it; empty: everywhere."""

    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntLoad:
    """What asking would mean: the devices whose records are looked through, and what of the window is held."""

    devices: int
    covers_from: datetime | None = None  # None: nothing of the window is held


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntHit:
    """What was found on one device. `what` is the path, key or address; `detail` the program or command line.

    A device that is known only by an address has neither name nor id: another one may have it by now.
    """

    device: str
    agent_id: str = ""
    address: str = ""
    what: str
    detail: str = ""
    first_seen_at: datetime | None = None
    count: int = 1
    has_run: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunted:
    """`covers_from`: the window that was really searched, when it is shorter than asked. `notes` are for people."""

    hits: list[HuntHit]
    covers_from: datetime | None = None
    is_cut: bool = False  # there are more hits than were wanted
    notes: tuple[str, ...] = ()


@runtime_checkable
class Hunts(Protocol):
    """Each method is one call to the product. SourceRefused says which part of the question it cannot answer."""

    def hunt_load(self, scope: Scope, start: datetime, end: datetime) -> HuntLoad: ...

    def hunt_for(self, query: Query, scope: Scope, start: datetime, end: datetime, limit: int) -> Hunted:
        """At most `limit` hits, one per device and what was found there, first seen first."""
