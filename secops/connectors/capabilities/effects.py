"""What acts on the world: isolating a device, sending a mail, calling a person, handing on a complete case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from secops.connectors.capabilities.identity import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPath:
    """One way in or out of a device that was tried: an active interface by address family, or the management path."""

    name: str  # eth0 IPv4
    is_open: bool
    is_management: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationState:
    """What the product says of a device now. `state`: isolated, released, pending_isolate, pending_release, partly.

    `paths` are those that it tried one by one; empty where it only gives its own word.
    """

    state: str
    text: str
    handle: str = ""
    at: datetime | None = None
    paths: tuple[NetworkPath, ...] = ()


@runtime_checkable
class Isolation(Protocol):
    def isolate(self, host: Host, reason: str, key: str) -> str:
        """Ask the product to cut the device off; returns its handle. `key` is our idempotency key."""

    def release(self, host: Host, reason: str, key: str) -> str: ...

    def isolation_state(self, host: Host) -> IsolationState: ...


@runtime_checkable
class Mailer(Protocol):
    def send_mail(self, *, to: Sequence[str], subject: str, text: str, key: str) -> str:
        """One plain-text mail; returns the Message-ID."""


@runtime_checkable
class Pager(Protocol):
    def page(self, *, person: str, text: str, url: str, key: str) -> None:
        """Call one person, by user name; the receiver knows a page that comes twice by its key."""


@runtime_checkable
class Outlet(Protocol):
    def push_case(self, *, case: Mapping[str, Any], text: str, url: str, number: int, key: str) -> None:
        """Hand on a complete case: its JSON (CONTRACTS.md part 2), the same in short as defanged text, its page.

        `number` counts up from 1 for the same case; the receiver knows one that comes twice by its key. HttpError or
        NoEffect when it may be tried again, Doubt when it may have arrived and must not.
        """
