"""Which files were touched, on which drives, and on which devices a file lies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from secops.connectors.capabilities.identity import Host


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
class FileActivity(Protocol):
    def file_events(self, host: Host, start: datetime, end: datetime, *, removable: bool) -> list[FileEvent]:
        """Oldest first, at most 20,000."""

    def removable_media(self, host: Host, start: datetime, end: datetime) -> list[RemovableMedia]: ...


@runtime_checkable
class FindFile(Protocol):
    def find_file(self, sha256: str) -> list[FileHit]: ...
