"""The simulation's fourth story: a changed file of the system, a variant of it elsewhere, and a file of its kit."""

from dataclasses import dataclass
from hashlib import sha256

from secops.practice.week.desktops import Desk, Desktops
from secops.practice.week.facts import FileEvent
from secops.practice.week.ledger import Ledger
from secops.practice.week.log_files import Timed, stamp
from secops.practice.week.programs import SYSTEM32, WINDOWS, Program

DEVICE, VARIANT_DEVICE, KIT_DEVICE = "OPS-LT-0034", "SAL-LT-0078", "HR-LT-0020"
PATH = f"{SYSTEM32}wkslib.dll"
SERVICE = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\wkslib\\Parameters"
VALUE = "ServiceDll"
SCANNED_BEFORE = 30 * 60.0  # seconds before the anchor: the scan of system files, on all clients
SETTLED = 3_600.0  # seconds after somebody sat down, at which the files are changed
BLOCK = 32  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFile(Program):
    """Blocks of filling, of which a variant has some others; `tlsh` is what py-tlsh 5.0.0 makes of the content."""

    filling: str
    tlsh: str
    changed_every: int = 0  # blocks; 0: none

    @property
    def content(self) -> bytes:
        return b"".join(self._block(number) for number in range(self.size // BLOCK))

    def _block(self, number: int) -> bytes:
        is_changed = self.changed_every and number < 512 and number % self.changed_every == 0
        return sha256(f"{self.filling} {'x' if is_changed else ''}{number}".encode()).digest()


def _file(image: str, filling: str, size: int, tlsh: str, signer: str = "", changed_every: int = 0) -> SystemFile:
    return SystemFile(
        image=image,
        signer=signer,
        product="Windows Operating System" if signer else "",
        version="10.0.22621.3880" if signer else "",
        size=size,
        filling=filling,
        tlsh=tlsh,
        changed_every=changed_every,
    )


ORIGINAL = _file(
    PATH,
    "practice wkslib",
    16_384,
    "T12572DFF22BD4D0ABCDE9AF474B1BF19CED3E2C4AE47634125345355E1E3781A50AA180",
    signer=WINDOWS,
)
IMPLANT = _file(
    PATH,
    "practice marrow implant",
    16_384,
    "T10D72D003093C49A50DDFEE4DB0B6CBF0D468C5BA64690D493E9E61E944C7F57E2C8A8D",
)
VARIANT = _file(
    PATH,
    "practice marrow implant",
    16_640,
    "T11172D0030A3C0E6A0DDFED9DA0B6DBE0D478C5AAA4660D093D8F61D944C7F56B2D864E",
    changed_every=16,
)
KIT = _file(
    "C:\\ProgramData\\wks\\wksload.exe",
    "practice marrow loader",
    9_600,
    "T1DE12BF1121745EA834EC66F02602EB4BEE0501E81B0E1D56097616BDBDFA5E7F1D2AC2",
)
ON = {DEVICE: IMPLANT, VARIANT_DEVICE: VARIANT, KIT_DEVICE: KIT}


def tell(ledger: Ledger, desktops: Desktops) -> None:
    """Enter the three files, and on the kit's device the value by which it starts again."""
    for name, program in ON.items():
        desk = _desk(desktops, name)
        at = desk.session.start + SETTLED
        ledger.write_file(at, desk.machine.services, program.image, program.size, sha256=program.sha256)
        if program is KIT:
            ledger.set_value(at + 2.4, desk.machine.services, SERVICE, VALUE, PATH)


def change_of(ledger: Ledger) -> FileEvent:
    """The change that the integrity monitor saw."""
    return next(one for one in ledger.files if one.sha256 == IMPLANT.sha256)


def inventory(ledger: Ledger) -> list[Timed]:
    """What the scan of that file says on each client, in the Elastic Common Schema."""
    at = ledger.company.anchor - SCANNED_BEFORE
    found: list[Timed] = []
    for device in ledger.company.devices.values():
        if device.is_server:
            continue
        there = ON.get(device.name, ORIGINAL)
        for program in {one.image: one for one in (ORIGINAL, there)}.values():
            found.append((at, _row(at, device.fqdn.lower(), program)))
    return found


def _row(at: float, host: str, program: SystemFile) -> dict[str, object]:
    hashes = {"md5": program.md5, "sha1": program.sha1, "sha256": program.sha256, "tlsh": program.tlsh}
    return {
        "@timestamp": stamp(at, 3),
        "ecs": {"version": "8.17.0"},
        "event": {"kind": "state", "category": ["file"], "dataset": "practice.system_files"},
        "host": {"name": host},
        "file": {"path": program.image, "name": program.name, "size": program.size, "hash": hashes},
    }


def _desk(desktops: Desktops, device: str) -> Desk:
    """The last session that was there long enough before the scan."""
    latest = desktops.ledger.company.anchor - SCANNED_BEFORE - SETTLED - 60
    return next(desk for desk in reversed(desktops.desks[device]) if desk.session.start < latest)
