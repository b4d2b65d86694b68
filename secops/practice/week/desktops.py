"""The simulated computers while they are on: the programs that run on each, started as Windows starts them."""

from dataclasses import dataclass, field

from secops.practice.week.facts import LOCAL_SYSTEM, Process
from secops.practice.week.ledger import Ledger
from secops.practice.week.presence import Session
from secops.practice.week.programs import (
    AGENT,
    BROWSER,
    EXPLORER,
    MAIL,
    SERVICES,
    SVCHOST,
    SYSTEM,
    UPDATER,
    USERINIT,
    WINLOGON,
    Program,
)

NETWORK_GROUP = "C:\\Windows\\System32\\svchost.exe -k netsvcs -p -s "


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A device from one start to the next."""

    device: str
    start: float
    system: Process
    services: Process
    schedule: Process
    updater: Process
    agent: Process

    def service(self, ledger: Ledger, at: float, program: Program, command: str = "") -> Process:
        """A program that the service manager starts as the system."""
        return ledger.process(at, self.device, program, LOCAL_SYSTEM, self.services, command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a person's session always has running."""

    session: Session
    machine: Machine
    explorer: Process
    browser: Process
    mail: Process


@dataclass(slots=True)
class Desktops:
    """Every machine and every session's programs, to be found by device and time."""

    ledger: Ledger
    servers: dict[str, Machine] = field(default_factory=dict)
    desks: dict[str, list[Desk]] = field(default_factory=dict)

    def switch_on(self, sessions: list[Session]) -> None:
        """Start the servers, then each session on its device."""
        company = self.ledger.company
        for device in company.devices.values():
            if device.is_server:
                self.servers[device.name] = self._boot(device.name, company.start - 9 * 86_400)
        for session in sessions:
            self.desks.setdefault(session.device, []).append(self._sit_down(session))

    def desk(self, device: str, at: float) -> Desk:
        """The session at the device at the time; KeyError when nobody was there."""
        for desk in self.desks.get(device, []):
            if desk.session.start <= at < desk.session.until(self.ledger.company.anchor + 3600):
                return desk
        raise KeyError(f"nobody at {device}")

    def _boot(self, device: str, at: float) -> Machine:
        ledger = self.ledger
        system = ledger.process(at, device, SYSTEM, LOCAL_SYSTEM, None, "", is_logged=False)
        system.pid, system.command = 4, ""
        services = ledger.process(at + 1, device, SERVICES, LOCAL_SYSTEM, None, SERVICES.image, is_logged=False)
        schedule = ledger.process(at + 2, device, SVCHOST, LOCAL_SYSTEM, services, NETWORK_GROUP + "Schedule")
        return Machine(
            device=device,
            start=at,
            system=system,
            services=services,
            schedule=schedule,
            updater=ledger.process(at + 5, device, UPDATER, LOCAL_SYSTEM, services, f'"{UPDATER.image}" --service'),
            agent=ledger.process(at + 6, device, AGENT, LOCAL_SYSTEM, services, f'"{AGENT.image}" --run'),
        )

    def _sit_down(self, session: Session) -> Desk:
        ledger, device, user = self.ledger, session.device, session.login
        machine = self._boot(device, session.start - 70)
        logon = ledger.process(
            session.start - 60, device, WINLOGON, LOCAL_SYSTEM, None, "winlogon.exe", is_logged=False
        )
        start = ledger.process(session.start + 1, device, USERINIT, user, logon, USERINIT.image)
        explorer = ledger.process(session.start + 2, device, EXPLORER, user, start, EXPLORER.image)
        return Desk(
            session=session,
            machine=machine,
            explorer=explorer,
            browser=ledger.process(session.start + 95, device, BROWSER, user, explorer),
            mail=ledger.process(session.start + 48, device, MAIL, user, explorer),
        )
