"""Which files were touched, on which drives, and on which devices a file lies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from secops.connectors.capabilities.identity import Host
from secops.connectors.capabilities.traffic import Window


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUse:
    """What one person did with files of one place in one hour. `way`: opened, removable, printed, uploaded."""

    at: datetime  # the hour's start
    way: str
    place: str  # a share, a drive's serial, a printer, a site
    files: int  # different ones within the hour
    size: int = 0  # bytes; 0 where the source says none


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerUse:
    """What a peer opened of one share in one UTC day; `peer` is a pseudonym, never a login."""

    peer: str
    at: datetime  # the day's start
    place: str
    files: int


@runtime_checkable
class FileUses(Protocol):
    """A person's files over months, keyed by login: whatever device they sat at."""

    def file_use(self, login: str, start: datetime, end: datetime) -> list[FileUse]:
        """Oldest first, at most 20,000."""

    def peer_file_use(self, login: str, start: datetime, end: datetime) -> list[PeerUse]:
        """Of those who work in the same place as this person, oldest first, at most 50,000."""

    def file_use_windows(self) -> dict[str, Window]:
        """What each kind of log really covers, by its name in words."""


@runtime_checkable
class FileActivity(Protocol):
    def file_events(self, host: Host, start: datetime, end: datetime, *, removable: bool) -> list[FileEvent]:
        """Oldest first, at most 20,000."""

    def removable_media(self, host: Host, start: datetime, end: datetime) -> list[RemovableMedia]: ...


@runtime_checkable
class FindFile(Protocol):
    def find_file(self, sha256: str) -> list[FileHit]: ...
