"""Who and what: leases, devices and people of the directory, sign-ins."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable


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
class LeasesByMac(Protocol):
    """What some sources of leases can besides."""

    def leases_of(self, mac: str) -> list[Lease]:
        """The addresses that the interface has now."""


@runtime_checkable
class FindsDevice(Protocol):
    """The part of a directory that an EDR has as well."""

    def find_device(self, host: Host) -> DeviceRecord | None: ...


@runtime_checkable
class Directory(Protocol):
    def find_device(self, host: Host) -> DeviceRecord | None: ...

    def devices_of(self, login: str) -> list[DeviceRecord]: ...

    def find_person(self, login: str) -> PersonRecord | None: ...


@runtime_checkable
class SignIns(Protocol):
    def sign_ins(self, host: Host, start: datetime, end: datetime) -> list[SignIn]:
        """Sessions on the device that touch the window, oldest first."""
