"""The simulation's ordinary changes: patches, installations, autostarts that are explained, and known USB sticks."""

from random import Random

from secops.practice.week.desktops import Desk, Desktops
from secops.practice.week.facts import Process, UsbMount
from secops.practice.week.hygiene import Patch
from secops.practice.week.leases import DAY
from secops.practice.week.ledger import RUN_KEY, Ledger
from secops.practice.week.programs import LABELS, MSIEXEC, TIWORKER

# login, device, serial, vendor, product: in daily use
KNOWN_STICKS = (
    ("FIN-LT-0141", "BW1F00C7D2A94E", "Northfold", "Slate USB"),
    ("ENG-WS-0212", "BW20A7751C3F08", "Kelvin", "Rugged Drive"),
    ("OPS-LT-0034", "BW19E4C00B7716", "Northfold", "Slate USB"),
)
NEW_TOOLS = (
    ("SAL-LT-0076", 2.3, "Clientel CRM", "6.8.0", "Clientel"),
    ("HR-LT-0020", 3.2, "Peoplebook", "3.3.1", "Peoplebook"),
    ("IT-WS-0005", 1.2, "Lantern Remote Admin", "8.1.0", "Lantern Works"),
    ("FIN-LT-0148", 5.2, "Bankwire Client", "4.0.2", "Bankwire Cooperative"),
)
EXPLAINED_HOURS = 4.0  # before the anchor


def machines_change(ledger: Ledger, desktops: Desktops, patches: dict[str, list[Patch]]) -> None:
    """Enter the week's changes that nobody should be accused of."""
    _patches(ledger, desktops, patches)
    for device, days, name, version, vendor in NEW_TOOLS:
        _install(ledger, desktops, device, ledger.company.anchor - days * DAY, name, version, vendor)
    _explained_autostart(ledger, desktops)
    for stick in KNOWN_STICKS:
        _uses_stick(ledger, desktops, stick)


def _patches(ledger: Ledger, desktops: Desktops, patches: dict[str, list[Patch]]) -> None:
    for device, each in patches.items():
        for patch in each:
            at = patch.installed_at
            if at is None or not ledger.covers(at):
                continue
            if device not in desktops.servers and device not in desktops.desks:
                continue  # it stood in a cupboard all week
            machine = desktops.servers.get(device) or _nearest(desktops, device, at).machine
            process = machine.service(ledger, at - 240, TIWORKER, f"{TIWORKER.image} -Embedding")
            ledger.install(at, process, "patch", patch.kb, "", "Microsoft Windows")


def _nearest(desktops: Desktops, device: str, at: float) -> Desk:
    """The session that had begun at the time, else the first after it."""
    before = [desk for desk in desktops.desks[device] if desk.session.start <= at]
    return before[-1] if before else desktops.desks[device][0]


def _install(
    ledger: Ledger, desktops: Desktops, device: str, at: float, name: str, version: str, vendor: str
) -> Process | None:
    """Install at the time, or half an hour into a session; hands back the installer unless the device lay idle."""
    if device not in desktops.desks:
        return None
    desk = _nearest(desktops, device, at)
    end = desk.session.until(ledger.company.anchor)
    moment = at if desk.session.start <= at < end else desk.session.start + 1800
    command = f'msiexec.exe /i "C:\\Windows\\Temp\\{name.replace(" ", "")}-{version}.msi" /qn'
    process = desk.machine.service(ledger, moment - 40, MSIEXEC, command)
    ledger.install(moment, process, "program", name, version, vendor)
    return process


def _explained_autostart(ledger: Ledger, desktops: Desktops) -> None:
    """A Run key set by a signed updater a minute after its installation: the second story's counter-example."""
    at = ledger.company.anchor - EXPLAINED_HOURS * 3600
    installer = _install(ledger, desktops, "OPS-LT-0033", at, "Stowage Label Printer", "1.4.0", "Stowage")
    desk = desktops.desk("OPS-LT-0033", at)
    if installer:
        ledger.write_file(at - 5, installer, LABELS.image, LABELS.size, sha256=LABELS.sha256)
    process = desk.machine.service(ledger, at + 22, LABELS, f'"{LABELS.image}" --first-run')
    ledger.set_value(at + 60, process, RUN_KEY, "StowageLabels", f'"{LABELS.image}" --background')


def _uses_stick(ledger: Ledger, desktops: Desktops, stick: tuple[str, str, str, str]) -> None:
    device, serial, vendor, product = stick
    for number, desk in enumerate(desktops.desks.get(device, [])):
        random = ledger.company.random(f"stick:{serial}:{number}")
        at = desk.session.start + random.uniform(1, 5) * 3600
        if not ledger.covers(at + 900):
            continue
        mount(ledger, at, desk, serial, vendor, product)
        _copies_a_little(ledger, desk, at + 30, random)


def _copies_a_little(ledger: Ledger, desk: Desk, at: float, random: Random) -> None:
    for _ in range(random.randint(2, 9)):
        at += random.uniform(5, 60)
        name = f"export-{random.randint(1000, 9999)}.csv"
        source = f"C:\\Users\\{desk.session.login}\\Documents\\{name}"
        ledger.write_file(
            at, desk.explorer, f"E:\\{name}", random.randint(40_000, 4_000_000), origin=source, drive="E:"
        )


def mount(ledger: Ledger, at: float, desk: Desk, serial: str, vendor: str, product: str) -> UsbMount:
    """A stick put into the device of a session; it becomes drive E:."""
    entry = UsbMount(
        at=round(at, 6),
        device=desk.session.device,
        login=desk.session.login,
        drive="E:",
        serial=serial,
        vendor=vendor,
        product=product,
    )
    if ledger.covers(entry.at):
        ledger.mounts.append(entry)
    return entry
