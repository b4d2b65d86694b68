"""The simulation's third story: a leaver who copies a share to a new USB stick late in the day, at her own desk."""

from random import Random

from secops.practice.week.desktops import Desk, Desktops
from secops.practice.week.facts import Flow
from secops.practice.week.ledger import Ledger
from secops.practice.week.noise_changes import mount
from secops.practice.week.presence import usb_evening

DEVICE = "SAL-LT-0077"
SERIAL = "BW7F31A90C55E2"
VENDOR = "Northfold"
PRODUCT = "Slate USB 64GB"
FILES = 214
COPIED = 9_400_000_000
READ = 12_100_000_000
SERVER = "FS-HAM-02"
SHARE = "\\\\FS-HAM-02\\contracts"
COPY_SECONDS = 66 * 60.0
CUSTOMERS = ("Aldergate", "Brisa", "Costeira", "Dunmore", "Elbtal", "Ferrovia", "Granja", "Hansekontor")
PAPERS = ("frame agreement", "price list", "site drawings", "tender", "minutes", "amendment")


def mounted_at(anchor_evening: float) -> float:
    return anchor_evening - 6 * 60 - COPY_SECONDS - 150


def tell(ledger: Ledger, desktops: Desktops) -> None:
    """Enter the unlock, the stick, the reading from the share and the copies."""
    at = mounted_at(usb_evening(ledger.company))
    desk = desktops.desk(DEVICE, at)
    ledger.logon(at - 420, DEVICE, desk.session.login, "Unlock", end=at - 419.6)
    mount(ledger, at, desk, SERIAL, VENDOR, PRODUCT)
    random = ledger.company.random("usb")
    flows = _reads(ledger, desk, at + 95)
    _copies(ledger, desk, at + 140, flows, random)


def _reads(ledger: Ledger, desk: Desk, at: float) -> list[Flow]:
    """The share was read over a few long connections, more than was copied: folders were also looked through."""
    parts = 8
    seconds = COPY_SECONDS / parts
    random = ledger.company.random("usb reads")
    weights = [random.uniform(0.8, 1.2) for _ in range(parts)]
    return [
        ledger.flow(
            at + number * seconds,
            DEVICE,
            ledger.company.devices[SERVER].ip,
            445,
            seconds=seconds - 1,
            out=round(READ * weight / sum(weights) * 0.004),
            into=round(READ * weight / sum(weights)),
            service="gssapi,smb,ntlm",
            process=desk.machine.system,
            is_seen=True,
        )
        for number, weight in enumerate(weights)
    ]


def _copies(ledger: Ledger, desk: Desk, start: float, flows: list[Flow], random: Random) -> None:
    weights = [random.lognormvariate(0, 0.9) for _ in range(FILES)]
    sizes = [int(COPIED * weight / sum(weights)) for weight in weights]
    sizes[-1] += COPIED - sum(sizes)
    at, step = start, (COPY_SECONDS - 60) / sum(sizes)
    for number, size in enumerate(sizes):
        customer, paper = CUSTOMERS[number % len(CUSTOMERS)], random.choice(PAPERS)
        ending = random.choice(("pdf", "docx", "dwg", "zip"))
        path = f"{customer}\\{2022 + number % 5}\\{paper} {number + 1:03d}.{ending}"
        flow = max((each for each in flows if each.at <= at), key=lambda each: each.at)
        ledger.read_share(at - 0.4, desk.session.login, flow, SHARE, path, size)
        at += size * step
        ledger.write_file(at, desk.explorer, f"E:\\contracts\\{path}", size, origin=f"{SHARE}\\{path}", drive="E:")
