"""The simulation's first story: a Finance laptop calls a bad address every minute since a mail was opened."""

from secops.practice.week.company import CONTROLLERS
from secops.practice.week.desktops import Desktops
from secops.practice.week.facts import Process, TaskMade
from secops.practice.week.ledger import Ledger
from secops.practice.week.presence import BEACON_SECONDS
from secops.practice.week.programs import BEACON, BEACON_COPY, RUNDLL32

DEVICE = "FIN-LT-0142"
OTHER_DEVICE = "FIN-LT-0150"
BAD_ADDRESS = "203.0.113.44"
BAD_NAME = "cdn-metrics.example"
PERIOD = 60.0
JITTER = 0.03
MEAN_OUT = 134_500
FOLDER = "C:\\Users\\m.okafor\\AppData\\Local\\OneDriveSync"
ISO = "C:\\Users\\m.okafor\\Downloads\\Remittance_4471.iso"
TASK = "\\OneDriveSync\\Update check"
COPY_AFTER = 2 * 3600.0  # seconds from the first beacon to the run on the other laptop


def first_beacon_at(anchor: float) -> float:
    return anchor - BEACON_SECONDS


def tell(ledger: Ledger, desktops: Desktops) -> None:
    """Enter the attachment, the task, the program, its beacons, and the copy on a second laptop."""
    first = first_beacon_at(ledger.company.anchor)
    _open_attachment(ledger, desktops, first)
    process = _start_program(ledger, desktops, first)
    _beacons(ledger, process, first)
    _copy(ledger, desktops, first + COPY_AFTER)


def _open_attachment(ledger: Ledger, desktops: Desktops, first: float) -> None:
    desk = desktops.desk(DEVICE, first)
    ledger.write_file(first - 1140, desk.mail, ISO, 3_604_480, origin="mail attachment")
    opened = ledger.process(
        first - 1096,
        DEVICE,
        RUNDLL32,
        desk.session.login,
        desk.explorer,
        '"C:\\Windows\\System32\\rundll32.exe" F:\\remittance.dat,Open',
    )
    ledger.write_file(first - 1091.2, opened, BEACON.image, BEACON.size, sha256=BEACON.sha256)
    ledger.write_file(first - 1090.8, opened, f"{FOLDER}\\sync.dll", 96_768)
    command = f"C:\\Windows\\System32\\rundll32.exe {FOLDER}\\sync.dll,Start"
    entry = TaskMade(at=first - 276.0, process=opened, name=TASK, command=command)
    ledger.tasks.append(entry)
    key = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache\\Tree"
    ledger.set_value(first - 275.9, desk.machine.schedule, f"{key}{TASK}", "Index", "3")


def _start_program(ledger: Ledger, desktops: Desktops, first: float) -> Process:
    desk = desktops.desk(DEVICE, first)
    user = desk.session.login
    loader = ledger.process(
        first - 9.4,
        DEVICE,
        RUNDLL32,
        user,
        desk.machine.schedule,
        f"C:\\Windows\\System32\\rundll32.exe {FOLDER}\\sync.dll,Start",
    )
    return ledger.process(first - 8.7, DEVICE, BEACON, user, loader, f'"{BEACON.image}" /background')


def _beacons(ledger: Ledger, process: Process, first: float) -> None:
    company, random = ledger.company, ledger.company.random("beacon")
    controller = CONTROLLERS[company.devices[DEVICE].site]
    at, asked = first, 0.0
    while at < company.anchor:
        if at - asked > 300:
            asked = at
            ledger.query(at - 0.08, DEVICE, BAD_NAME, (BAD_ADDRESS,), controller, process=process, is_seen=True)
        ledger.flow(
            at,
            DEVICE,
            BAD_ADDRESS,
            443,
            seconds=random.uniform(0.35, 0.9),
            out=round(MEAN_OUT * random.uniform(0.94, 1.06)),
            into=random.randint(1_480, 1_720),
            service="ssl",
            name=BAD_NAME,
            process=process,
            is_seen=True,
        )
        at += PERIOD * (1 + max(-3 * JITTER, min(3 * JITTER, random.gauss(0, JITTER))))


def _copy(ledger: Ledger, desktops: Desktops, at: float) -> None:
    """The same file reached a colleague, who ran it once; it made no connection."""
    desk = desktops.desk(OTHER_DEVICE, at)
    ledger.write_file(
        at - 300,
        desk.mail,
        BEACON_COPY.image,
        BEACON_COPY.size,
        sha256=BEACON_COPY.sha256,
        origin="mail attachment",
    )
    ledger.process(at, OTHER_DEVICE, BEACON_COPY, desk.session.login, desk.explorer)
