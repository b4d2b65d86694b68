"""The simulation's single book of what happened, from which every log, table and alert is written.

One fact is entered once, so the logs cannot disagree.
"""

from dataclasses import dataclass, field
from random import Random

from secops.practice.week.company import Company
from secops.practice.week.facts import (
    FileEvent,
    Flow,
    Handled,
    Install,
    Logon,
    Process,
    Query,
    RegistryWrite,
    ShareOpen,
    ShareRead,
    TaskMade,
    UsbMount,
    Web,
)
from secops.practice.week.leases import Renewal
from secops.practice.week.programs import Program

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SOFTWARE = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
RUN_KEY = f"{_SOFTWARE}\\Run"
UNINSTALL = f"{_SOFTWARE}\\Uninstall"
SERVICING = f"{_SOFTWARE}\\Component Based Servicing\\Packages"


@dataclass(slots=True)
class Ledger:
    """The book. The methods enter a fact and hand it back."""

    company: Company
    flows: list[Flow] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    files: list[FileEvent] = field(default_factory=list)
    reads: list[ShareRead] = field(default_factory=list)
    opens: list[ShareOpen] = field(default_factory=list)
    handled: list[Handled] = field(default_factory=list)
    registry: list[RegistryWrite] = field(default_factory=list)
    logons: list[Logon] = field(default_factory=list)
    mounts: list[UsbMount] = field(default_factory=list)
    tasks: list[TaskMade] = field(default_factory=list)
    installs: list[Install] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = self.company.random("ledger")

    def covers(self, at: float) -> bool:
        return self.company.start <= at < self.company.anchor

    def flow(
        self,
        at: float,
        device: str,
        peer: str,
        port: int,
        *,
        seconds: float,
        out: int,
        into: int,
        service: str = "",
        name: str = "",
        proto: str = "tcp",
        state: str = "SF",
        process: Process | None = None,
        is_seen: bool = False,
        web: Web | None = None,
    ) -> Flow:
        """A connection from one of our devices; kept only when it lies in the logged week."""
        entry = Flow(
            at=round(at, 6),
            seconds=round(seconds, 6),
            device=device,
            origin=self.company.address(device, at),
            port=self.random.randrange(49152, 65535),
            peer=peer,
            peer_port=port,
            proto=proto,
            service=service,
            bytes_out=out,
            bytes_in=into,
            state=state,
            uid="C" + "".join(self.random.choices(_ALPHABET, k=17)),
            name=name,
            process=process,
            is_seen=is_seen,
            web=web,
        )
        if self.covers(entry.at):
            self.flows.append(entry)
        return entry

    def query(
        self,
        at: float,
        device: str,
        name: str,
        answers: tuple[str, ...],
        server: str,
        *,
        process: Process | None = None,
        is_seen: bool = False,
    ) -> Query:
        """A DNS question of a device to its controller, with the connection that carried it."""
        carrier = self.flow(
            at,
            device,
            server,
            53,
            seconds=0.004,
            out=28 + len(name),
            into=60,
            service="dns",
            proto="udp",
            process=process,
            is_seen=is_seen,
        )
        entry = Query(at=carrier.at, flow=carrier, name=name, answers=answers, number=self.random.randrange(65536))
        if self.covers(entry.at):
            self.queries.append(entry)
        return entry

    def process(
        self,
        at: float,
        device: str,
        program: Program,
        user: str,
        parent: Process | None,
        command: str = "",
        *,
        is_logged: bool = True,
    ) -> Process:
        """A program start; `is_logged` False for those that were running before or that nobody would keep."""
        entry = Process(
            at=round(at, 6),
            device=device,
            pid=self.random.randrange(500, 16000) * 4,
            program=program,
            command=command or f'"{program.image}"',
            user=user,
            parent=parent,
            is_logged=is_logged,
        )
        if is_logged and self.covers(entry.at):
            self.processes.append(entry)
        return entry

    def logon(self, at: float, device: str, login: str, kind: str, **more: str | float | bool | None) -> Logon:
        entry = Logon(
            at=round(at, 6),
            device=device,
            login=login,
            kind=kind,
            number=self.random.randrange(0x40000, 0x4000000),
            **more,  # type: ignore[arg-type]
        )
        if self.covers(entry.at):
            self.logons.append(entry)
        return entry

    def write_file(self, at: float, process: Process, path: str, size: int, **more: str) -> FileEvent:
        """A file made by a program; without `sha256` it gets one of its own."""
        digest = more.pop("sha256", "") or f"{self.random.getrandbits(256):064x}"
        entry = FileEvent(at=round(at, 6), process=process, path=path, size=size, sha256=digest, **more)
        if self.covers(entry.at):
            self.files.append(entry)
        return entry

    def read_share(self, at: float, login: str, flow: Flow, share: str, path: str, size: int) -> None:
        if self.covers(at):
            self.reads.append(ShareRead(at=round(at, 6), login=login, flow=flow, share=share, path=path, size=size))

    def set_value(self, at: float, process: Process, key: str, value: str, data: str) -> RegistryWrite:
        entry = RegistryWrite(at=round(at, 6), process=process, key=key, value=value, data=data)
        if self.covers(entry.at):
            self.registry.append(entry)
        return entry

    def install(self, at: float, process: Process, kind: str, name: str, version: str, vendor: str) -> None:
        """A program or patch installed, with the registry value by which an endpoint tool knows of it."""
        if not self.covers(at):
            return
        self.installs.append(
            Install(
                at=round(at, 6),
                device=process.device,
                process=process,
                kind=kind,
                name=name,
                version=version,
                vendor=vendor,
            )
        )
        if kind == "patch":
            key, value, data = f"{SERVICING}\\Package_for_{name}~31bf3856ad364e35~amd64", "CurrentState", "112"
        else:
            key, value, data = f"{UNINSTALL}\\{name}", "DisplayName", name
        self.set_value(at, process, key, value, data)
