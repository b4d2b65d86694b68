"""What a connector may be able to do: small typed protocols with plain value objects.

A question or an action names a capability, never a product. Times are aware datetimes in UTC, sizes bytes,
durations seconds. A method answers None or an empty list when the source holds nothing, raises SourceRefused when
the source says no (rights, licence, bad query), SourceLimited when it says later, and HttpError for the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from secops.errors import SecopsError


class SourceRefused(SecopsError):  # noqa: N818 - the field's word for it; it ends a lookup as refused
    """The source will not answer this: rights, licence, or a query that it does not take."""

    status_code = 502


class SourceLimited(SecopsError):  # noqa: N818 - not a fault: the lookup waits
    """The source says later; `retry_after` in seconds. Holds the whole integration, counts as no attempt."""

    status_code = 503

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


# --- who and what -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A device as a question knows it: any key may be missing. `address` is what it had at the time asked about."""

    name: str = ""  # host name without domain
    agent_id: str = ""  # the EDR's id
    address: str = ""
    mac: str = ""
    group: str = ""  # Finance, Sales, ... when known


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An address lent to a device. `ends_at` is None while it runs on."""

    address: str
    mac: str
    hostname: str
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """A device as directory or EDR knows it."""

    name: str
    agent_id: str = ""
    directory_id: str = ""
    mac: str = ""
    os: str = ""
    kind: str = ""  # laptop, desktop, server, domain_controller, kiosk, ...
    group: str = ""  # department or device group
    site: str = ""
    owner_login: str = ""
    last_seen_at: datetime | None = None
    is_critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """A person as the directory knows them. `working_hours` is like 08:00-17:00, in `time_zone`."""

    login: str  # sAMAccountName, lower case
    upn: str = ""
    name: str = ""
    title: str = ""
    department: str = ""
    site: str = ""
    manager_login: str = ""
    manager_name: str = ""
    is_privileged: bool = False
    is_leaver: bool = False
    working_hours: str = ""
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Somebody at work on a device; `ended_at` is None while the session lasts."""

    login: str
    device: str
    started_at: datetime
    ended_at: datetime | None = None
    address: str = ""
    kind: str = ""  # interactive, remote, service


@runtime_checkable
class Leases(Protocol):
    def lease_at(self, address: str, at: datetime) -> Lease | None:
        """The lease that covers the minute, or None."""


@runtime_checkable
class Directory(Protocol):
    def find_device(self, host: Host) -> DeviceRecord | None: ...

    def devices_of(self, login: str) -> list[DeviceRecord]: ...

    def find_person(self, login: str) -> PersonRecord | None: ...


@runtime_checkable
class SignIns(Protocol):
    def sign_ins(self, host: Host, start: datetime, end: datetime) -> list[SignIn]:
        """Sessions on the device that touch the window, oldest first."""


# --- where an address leads ----------------------------------------------------------------------------------------


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


# --- what traffic --------------------------------------------------------------------------------------------------


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


# --- the device: health and changes ---------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEvent:
    """A file touched. `kind`: created, written, read, copied, deleted. `drive` names a removable drive or a share."""

    at: datetime
    kind: str
    path: str
    size: int = 0
    user: str = ""
    process: str = ""
    drive: str = ""
    sha256: str = ""
    origin: str = ""  # folder, share or URL that it came from, when the source says


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovableMedia:
    """A removable device seen on a host."""

    at: datetime
    serial: str
    name: str
    drive: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHit:
    """A device that holds a file."""

    device: str
    agent_id: str
    path: str
    sha256: str
    first_seen_at: datetime | None = None
    has_run: bool | None = None


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


@runtime_checkable
class FileActivity(Protocol):
    def file_events(self, host: Host, start: datetime, end: datetime, *, removable: bool) -> list[FileEvent]:
        """Oldest first, at most 20,000."""

    def removable_media(self, host: Host, start: datetime, end: datetime) -> list[RemovableMedia]: ...


@runtime_checkable
class FindFile(Protocol):
    def find_file(self, sha256: str) -> list[FileHit]: ...


# --- effects -------------------------------------------------------------------------------------------------------


class Doubt(SecopsError):  # noqa: N818 - RELIABILITY's word: the request may have arrived
    """It cannot be known whether the effect happened."""

    status_code = 502


class NoEffect(SecopsError):  # noqa: N818
    """The product refused, and is known to have done nothing. `retry_after` seconds when it said later."""

    status_code = 502

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationState:
    """What the product says of a device now. `state`: isolated, released, pending_isolate, pending_release, partly."""

    state: str
    text: str
    handle: str = ""
    at: datetime | None = None


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


CAPABILITIES: dict[str, type[Any]] = {
    "leases": Leases,
    "directory": Directory,
    "sign_ins": SignIns,
    "locate": Locate,
    "registration": Register,
    "listings": Listings,
    "reputation": Reputations,
    "flows": Flows,
    "web_requests": WebRequests,
    "posture": Postures,
    "software": Inventory,
    "changes": Changes,
    "processes": Processes,
    "file_activity": FileActivity,
    "find_file": FindFile,
    "isolate": Isolation,
    "mail": Mailer,
}


def capabilities_of(connector: type[Any]) -> list[str]:
    """The names of the capabilities whose methods the class has."""
    return [name for name, protocol in CAPABILITIES.items() if _implements(connector, protocol)]


def _implements(connector: type[Any], protocol: type[Any]) -> bool:
    wanted: set[str] = getattr(protocol, "__protocol_attrs__", set())
    return all(callable(getattr(connector, name, None)) for name in wanted)
