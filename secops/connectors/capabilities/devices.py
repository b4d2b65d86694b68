"""How a device fares and what changed on it: posture, software, changes, programs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from secops.connectors.capabilities.identity import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """Device hygiene; None = the source does not say."""

    device: str
    os: str = ""
    last_seen_at: datetime | None = None
    is_agent_healthy: bool | None = None
    signatures_at: datetime | None = None
    is_firewall_on: bool | None = None
    is_encrypted: bool | None = None
    missing_patches: list[str] = field(default_factory=list)
    critical_patches: int = 0
    last_patched_at: datetime | None = None
    oldest_missing_at: datetime | None = None  # when the oldest fix that is missing was published
    risk: str = ""  # the source's own word
    isolation: str = ""  # "", isolated, released, pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """A program on a device, with how many of the device's group have it."""

    name: str
    version: str
    vendor: str = ""
    in_group: int = 0  # devices of the group that have it
    group_size: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that changed on a device. `kind`: install, patch, registry, service, task, autorun, account, config,
    file, process, removable. `actor` is the login, `process` the program that did it."""

    at: datetime
    kind: str
    text: str
    actor: str = ""
    process: str = ""
    target: str = ""  # registry key, path, product
    value: str = ""
    signer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFact:
    """A program that ran. `parents` nearest first, each as image path."""

    at: datetime
    image: str
    command_line: str
    user: str
    pid: int
    parents: list[str] = field(default_factory=list)
    parent_command_line: str = ""
    signer: str = ""  # "" = unsigned or unknown
    is_signed: bool | None = None
    sha256: str = ""


@runtime_checkable
class Postures(Protocol):
    def posture(self, host: Host) -> Posture | None: ...


@runtime_checkable
class Inventory(Protocol):
    def software(self, host: Host) -> list[Software]: ...


@runtime_checkable
class Changes(Protocol):
    def changes(self, host: Host, start: datetime, end: datetime) -> list[Change]:
        """Newest first, at most 500."""


@runtime_checkable
class Processes(Protocol):
    def process_of(self, host: Host, peer: str, start: datetime, end: datetime) -> list[ProcessFact]:
        """Programs on the device that connected to the peer."""

    def processes_writing(self, host: Host, key: str, start: datetime, end: datetime) -> list[ProcessFact]:
        """Programs on the device that set the registry key."""
