"""The simulation's machine noise: updaters and agents that call home, time, leases, backups, scans, remote help."""

from collections.abc import Iterator
from random import Random

from secops.practice.week.company import CONTROLLERS, Device
from secops.practice.week.desktops import Desktops, Machine
from secops.practice.week.facts import Process
from secops.practice.week.leases import DAY, Renewal
from secops.practice.week.ledger import Ledger
from secops.practice.week.noise_people import SITES
from secops.practice.week.presence import local_time
from secops.practice.week.programs import BACKUP, BROWSER, REMOTE_ADMIN, SCANNER

UPDATE_SERVER = ("updates.pinwheel.example", "192.0.2.40", 300.0)
AGENT_SERVER = ("cloud.harbour.example", "192.0.2.60", 900.0)
BIG_UPLOAD = ("transfer.datapartner.example", "192.0.2.150")
REMOTE_HELP = (
    # days before the anchor, device, who helps, from where
    (5.1, "SAL-LT-0079", "q.tran", "IT-WS-0005"),
    (2.05, "FIN-LT-0145", "q.tran", "IT-WS-0005"),
    (1.02, "OPS-LT-0036", "z.mendes", "IT-WS-0006"),
    (0.1, "FS-LIS-01", "z.mendes", "IT-WS-0006"),
)
MISTYPED_BEFORE = 760.0
SCAN_PORTS = (21, 22, 23, 25, 80, 110, 135, 139, 143, 443, 445, 993, 1433, 3306, 3389, 5432, 5900, 5985, 8080, 8443)


def machines_run(ledger: Ledger, desktops: Desktops) -> None:
    """Enter what machines do without anybody."""
    for name, machine in desktops.servers.items():
        random = ledger.company.random(f"server:{name}")
        _calls_home(ledger, machine, machine.agent, AGENT_SERVER, random, ledger.company.start, ledger.company.anchor)
        _asks_time(ledger, name, random, ledger.company.start, ledger.company.anchor, 4)
    for name, desks in desktops.desks.items():
        random = ledger.company.random(f"client:{name}")
        has_updater = random.random() < 0.62 or name == "FIN-LT-0142"
        for desk in desks:
            start, end = desk.session.start, desk.session.until(ledger.company.anchor)
            _calls_home(ledger, desk.machine, desk.machine.agent, AGENT_SERVER, random, start, end)
            if has_updater:
                _calls_home(ledger, desk.machine, desk.machine.updater, UPDATE_SERVER, random, start, end)
            _asks_time(ledger, name, random, start, end, 1)
    _leases(ledger, desktops)
    _backups(ledger, desktops)
    _scan(ledger, desktops)
    _remote_help(ledger, desktops)
    _big_upload(ledger, desktops)
    _tablets(ledger)
    _mistyped(ledger)


def _ticks(random: Random, start: float, end: float, period: float) -> Iterator[float]:
    at = start + random.uniform(5, period)
    while at < end:
        yield at
        at += period * random.gauss(1, 0.012)


def _calls_home(
    ledger: Ledger,
    machine: Machine,
    process: Process,
    server: tuple[str, str, float],
    random: Random,
    start: float,
    end: float,
) -> None:
    name, address, period = server
    controller = CONTROLLERS[ledger.company.devices[machine.device].site]
    for number, at in enumerate(_ticks(random, start, end, period)):
        if number % 24 == 0:
            ledger.query(at - 0.05, machine.device, name, (address,), controller, process=process, is_seen=True)
        ledger.flow(
            at,
            machine.device,
            address,
            443,
            seconds=random.uniform(0.1, 0.5),
            out=random.randint(1_180, 1_320),
            into=random.randint(3_900, 4_400),
            service="ssl",
            name=name,
            process=process,
            is_seen=number % 12 == 0,
        )


def _asks_time(ledger: Ledger, device: str, random: Random, start: float, end: float, every_hours: int) -> None:
    controller = CONTROLLERS[ledger.company.devices[device].site]
    if controller == ledger.company.devices[device].ip:
        return
    for at in _ticks(random, start, end, every_hours * 3600.0):
        ledger.flow(at, device, controller, 123, seconds=0.002, out=48, into=48, service="ntp", proto="udp")


def _leases(ledger: Ledger, desktops: Desktops) -> None:
    company = ledger.company
    for device in company.clients():
        if device.is_always_on or device.kind == "tablet":
            first = company.start - DAY + company.random(f"lease:{device.name}").uniform(0, DAY / 2)
            moments = [first + number * DAY / 2 for number in range(17)]
        else:
            moments = [desk.machine.start for desk in desktops.desks.get(device.name, [])]
        moments.extend(_change_of_address(ledger, desktops, device))
        for at in moments:
            if at < company.anchor:
                ledger.renewals.append(
                    Renewal(at=round(at, 6), device=device.name, address=company.address(device.name, at))
                )


def _change_of_address(ledger: Ledger, desktops: Desktops, device: Device) -> list[float]:
    """The moment at which a device that is on takes its new address."""
    return [
        holding.start + 2
        for holding in ledger.company.holdings
        if holding.device == device.name
        and ledger.covers(holding.start)
        and any(
            desk.session.start <= holding.start < desk.session.until(ledger.company.anchor)
            for desk in desktops.desks.get(device.name, [])
        )
    ]


def _backups(ledger: Ledger, desktops: Desktops) -> None:
    company, random = ledger.company, ledger.company.random("backups")
    for name, size in (("FS-LIS-01", 3.1e9), ("FS-HAM-02", 7.8e9), ("DC-LIS-01", 0.6e9), ("DC-HAM-01", 0.6e9)):
        machine = desktops.servers[name]
        for day in range(8):
            midnight = local_time(company, "Hamburg", company.start + day * DAY).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            at = midnight.timestamp() + 2 * 3600 + random.uniform(0, 1500)
            if not ledger.covers(at):
                continue
            process = machine.service(ledger, at - 3, BACKUP, f'"{BACKUP.image}" nightly')
            ledger.flow(
                at,
                name,
                company.devices["BK-01"].ip,
                10_514,
                seconds=min(size / 4e6, company.anchor - at),
                out=round(size * random.uniform(0.8, 1.2)),
                into=round(size * 0.001),
                service="ssl",
                name="bk-01.brightwater.example",
                process=process,
                is_seen=True,
            )


def _scan(ledger: Ledger, desktops: Desktops) -> None:
    """The weekly vulnerability scan of everything that is on; four days ago."""
    company, random = ledger.company, ledger.company.random("scan")
    at = company.anchor - 4 * DAY - 1800
    process = desktops.servers["SCAN-01"].service(ledger, at - 5, SCANNER, f'"{SCANNER.image}" --profile weekly')
    for device in company.devices.values():
        if device.name == "SCAN-01" or not company.was_here(device.name, at):
            continue
        opened = (135, 139, 445, 3389) if device.is_server else (135, 445)
        for port in SCAN_PORTS:
            at += random.uniform(0.02, 0.3)
            is_open = port in opened
            ledger.flow(
                at,
                "SCAN-01",
                company.address(device.name, at),
                port,
                seconds=0.05 if is_open else 0.0004,
                out=180 if is_open else 0,
                into=240 if is_open else 0,
                state="SF" if is_open else "REJ",
                process=process,
                is_seen=port == 445,
            )


def _remote_help(ledger: Ledger, desktops: Desktops) -> None:
    """Support signs in from afar on some devices, never on one of the stories."""
    company = ledger.company
    for days, device, helper, machine in REMOTE_HELP:
        moments = _both_on(desktops, machine, device, company.anchor)
        if not moments:
            continue
        at = min(moments, key=lambda moment: abs(company.anchor - days * DAY - moment))
        process = ledger.process(at - 3, machine, REMOTE_ADMIN, helper, desktops.desk(machine, at).explorer)
        ledger.flow(
            at,
            machine,
            company.address(device, at),
            3389,
            seconds=840,
            out=2_400_000,
            into=31_000_000,
            service="rdp",
            process=process,
            is_seen=True,
        )
        origin = company.address(machine, at)
        ledger.logon(at + 1, device, helper, "RemoteInteractive", origin=origin, end=at + 839)


def _both_on(desktops: Desktops, machine: str, device: str, anchor: float) -> list[float]:
    """Moments at which a helper sits at the machine while the other device is on for half an hour more."""
    targets = [(desk.session.start, desk.session.until(anchor)) for desk in desktops.desks.get(device, [])] or [
        (0.0, anchor)
    ]
    moments = []
    for desk in desktops.desks.get(machine, []):
        for start, end in targets:
            first, last = max(start, desk.session.start), min(end, desk.session.until(anchor))
            if last - first > 2400:
                moments.append(first + 600)
    return moments


def _big_upload(ledger: Ledger, desktops: Desktops) -> None:
    """The data engineer sends a legitimate archive to a partner on two days."""
    random = ledger.company.random("upload")
    name, address = BIG_UPLOAD
    for desk in desktops.desks.get("ENG-LT-0213", [])[-4::2]:
        at = desk.session.start + 2 * 3600 + random.uniform(0, 900)
        process = ledger.process(at - 4, "ENG-LT-0213", BROWSER, desk.session.login, desk.browser)
        size = round(random.uniform(2.8e9, 3.4e9))
        ledger.flow(
            at,
            "ENG-LT-0213",
            address,
            443,
            seconds=1300,
            out=size,
            into=round(size * 0.002),
            service="ssl",
            name=name,
            process=process,
            is_seen=True,
        )


def _tablets(ledger: Ledger) -> None:
    """A tablet reads news and mail in the evening; no agent sees it."""
    company = ledger.company
    for device in company.clients():
        if device.kind != "tablet":
            continue
        random = company.random(f"tablet:{device.name}")
        for day in range(7):
            at = company.start + day * DAY + random.uniform(0, DAY / 2)
            for site, address in SITES[:6]:
                at += random.uniform(60, 2400)
                ledger.query(at - 0.05, device.name, site, (address,), CONTROLLERS[device.site])
                ledger.flow(
                    at,
                    device.name,
                    address,
                    443,
                    seconds=random.uniform(1, 90),
                    out=random.randint(2_000, 40_000),
                    into=random.randint(20_000, 2_000_000),
                    service="ssl",
                    name=site,
                )


def _mistyped(ledger: Ledger) -> None:
    """A wrong password at the controller, about which an ordinary alert speaks."""
    at = ledger.company.anchor - MISTYPED_BEFORE
    origin = ledger.company.address("SAL-LT-0079", at)
    ledger.logon(at, "DC-LIS-01", "e.adeyemi", "Network", origin=origin, is_success=False)
