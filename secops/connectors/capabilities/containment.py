"""The other doors: the network port or quarantine network, the account and its sessions, what is blocked for all."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from secops.connectors.capabilities.effects import IsolationState
from secops.connectors.capabilities.identity import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """`is_enabled` None = the directory does not say. `sessions` is the number of valid ones, None when not known."""

    is_enabled: bool | None = None
    sessions_revoked_at: str = ""  # RFC 3339, UTC
    text: str = ""


@runtime_checkable
class Quarantine(Protocol):
    def quarantine(self, host: Host, reason: str, key: str) -> str:
        """Move the device to the quarantine network; returns the product's handle.

        NoEffect where the network does not know the device by a key that a port can be closed by (its MAC address).
        """

    def lift_quarantine(self, host: Host, reason: str, key: str) -> str: ...

    def quarantine_state(self, host: Host) -> IsolationState:
        """As for isolation, with every path that was tested."""


@runtime_checkable
class Accounts(Protocol):
    """Accounts are named by their sign-in name (UPN) or directory id."""

    def disable_account(self, account: str) -> None: ...

    def enable_account(self, account: str) -> None: ...

    def revoke_sessions(self, account: str) -> None: ...

    def account_state(self, account: str) -> AccountState: ...


@runtime_checkable
class Blocks(Protocol):
    """An address, domain, URL or file hash that no device may reach or run; kinds as observables name them."""

    def block(self, kind: str, value: str, reason: str, key: str) -> str:
        """Returns the product's handle; blocking the same value again changes nothing."""

    def unblock(self, kind: str, value: str) -> None: ...

    def is_blocked(self, kind: str, value: str) -> bool: ...
