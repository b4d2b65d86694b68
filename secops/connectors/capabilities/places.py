"""Where an address, a domain or a file leads: place, registration, lists, reputation."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    country: str = ""  # ISO 3166 alpha-2
    city: str = ""
    asn: int | None = None
    owner: str = ""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Who registered an address range or a domain, and when."""

    handle: str = ""
    name: str = ""
    owner: str = ""
    country: str = ""
    registered_at: datetime | None = None
    abuse_mail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list that the value stands on. `kind`: hosting, vpn, resolver, scanner, sinkhole, noise, ..."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputation:
    """What others think of a value. Counts are engines; `checked` is malicious + suspicious + harmless + undetected."""

    malicious: int = 0
    suspicious: int = 0
    harmless: int = 0
    checked: int = 0
    families: list[str] = field(default_factory=list)  # malware or botnet names
    tags: list[str] = field(default_factory=list)
    techniques: list[str] = field(default_factory=list)  # ATT&CK ids, T1071.001
    tactics: list[str] = field(default_factory=list)  # names, Command and Control
    first_seen_at: datetime | None = None
    as_of: datetime | None = None
    name: str = ""  # of a file
    size: int | None = None
    signer: str = ""
    behaviours: list[str] = field(default_factory=list)  # sandbox, one sentence each
    related: list[dict[str, str]] = field(default_factory=list)  # {"kind", "value", "relation"}


@runtime_checkable
class Locate(Protocol):
    def locate(self, address: str) -> Place | None: ...


@runtime_checkable
class Register(Protocol):
    def registration(self, kind: str, value: str) -> Registration | None:
        """`kind` is ip or domain."""


@runtime_checkable
class Listings(Protocol):
    def listings(self, kind: str, value: str) -> list[Listing]: ...


@runtime_checkable
class Reputations(Protocol):
    def reputation(self, kind: str, value: str) -> Reputation | None:
        """`kind` is an observable kind: ip, domain, url, hash_sha256, ..."""
