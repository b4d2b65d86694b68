"""The kinds of fact that the simulation knows: connections, programs, files, values, sign-ins and changes.

Times are epoch seconds (UTC), sizes bytes.
"""

from dataclasses import dataclass

from secops.practice.week.company import NETBIOS
from secops.practice.week.programs import Program

LOCAL_SYSTEM = "system"


@dataclass(slots=True, kw_only=True)
class Process:
    """A program that ran; `user` is a login, or system."""

    at: float
    device: str
    pid: int
    program: Program
    command: str
    user: str
    parent: "Process | None"
    is_logged: bool = True

    @property
    def guid(self) -> str:
        """Sysmon's ProcessGuid: machine, start and number."""
        machine = sum(ord(letter) << (index % 4 * 8) for index, letter in enumerate(self.device)) % 2**32
        seconds = int(self.at)
        return f"{machine:08X}-{seconds >> 16 & 0xFFFF:04X}-{seconds & 0xFFFF:04X}-{self.pid:04X}-000000001A00"

    @property
    def account(self) -> str:
        return "NT AUTHORITY\\SYSTEM" if self.user == LOCAL_SYSTEM else f"{NETBIOS}\\{self.user}"


@dataclass(slots=True, kw_only=True)
class Web:
    """An HTTP exchange in clear."""

    method: str
    uri: str
    status: int
    agent: str
    content_type: str
    referrer: str = ""
    filename: str = ""


@dataclass(slots=True, kw_only=True)
class Flow:
    """A connection; out is what `origin` sent. `process` is the program on the origin, if it is a device of ours."""

    at: float
    seconds: float
    device: str
    origin: str
    port: int
    peer: str
    peer_port: int
    proto: str
    service: str
    bytes_out: int
    bytes_in: int
    state: str
    uid: str
    name: str = ""
    process: Process | None = None
    is_seen: bool = False
    web: Web | None = None


@dataclass(slots=True, kw_only=True)
class Query:
    """A DNS question and its answer (empty = no such name)."""

    at: float
    flow: Flow
    name: str
    answers: tuple[str, ...]
    number: int


@dataclass(slots=True, kw_only=True)
class FileEvent:
    """A file made on a device; `origin` is where it was copied or loaded from, `drive` a removable drive."""

    at: float
    process: Process
    path: str
    size: int
    sha256: str
    origin: str = ""
    drive: str = ""
    kind: str = "FileCreated"


@dataclass(slots=True, kw_only=True)
class ShareRead:
    """A file opened on a share, as the network and the file server saw it."""

    at: float
    login: str
    flow: Flow
    share: str
    path: str
    size: int


@dataclass(slots=True, kw_only=True)
class ShareOpen:
    """A file opened on a share before the logged week, when only the file server was listening."""

    at: float
    login: str
    device: str
    server: str
    share: str
    path: str


@dataclass(slots=True, kw_only=True)
class Handled:
    """A file that left by a drive, a printer or a browser, as data loss prevention saw it; `way` is its operation."""

    at: float
    login: str
    device: str
    way: str
    path: str
    size: int
    target: str
    serial: str = ""


@dataclass(slots=True, kw_only=True)
class RegistryWrite:
    """A value set; `key` in the long form HKEY_LOCAL_MACHINE\\..."""

    at: float
    process: Process
    key: str
    value: str
    data: str


@dataclass(slots=True, kw_only=True)
class Logon:
    """A sign-in. `kind` in Defender's words; `end` None while it lasts or where no end is logged."""

    at: float
    device: str
    login: str
    kind: str
    number: int
    origin: str = ""
    end: float | None = None
    is_success: bool = True


@dataclass(slots=True, kw_only=True)
class UsbMount:
    at: float
    device: str
    login: str
    drive: str
    serial: str
    vendor: str
    product: str


@dataclass(slots=True, kw_only=True)
class TaskMade:
    at: float
    process: Process
    name: str
    command: str


@dataclass(slots=True, kw_only=True)
class Install:
    """A program or a patch put on a device; `kind` is program or patch."""

    at: float
    device: str
    process: Process
    kind: str
    name: str
    version: str
    vendor: str
