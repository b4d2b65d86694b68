"""A workbench for the responder: a folder in which the evidence of a case has readable names and stays as it is."""

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cases.choices import CustodyAction, EvidenceKind
from cases.errors import EvidenceError
from cases.models import Case, Evidence
from cases.services import custody
from cases.services.inbox import Store
from cases.services.store import store
from secops.access import May, require
from secops.models import User
from secops.wording import amount

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
ENDINGS = {  # by the first bytes; what none of them fits is named by the kind of the item
    b"EVF\x09": ".E01",
    b"\xd4\xc3\xb2\xa1": ".pcap",
    b"\xa1\xb2\xc3\xd4": ".pcap",
    b"\x0a\x0d\x0d\x0a": ".pcapng",
    b"PK\x03\x04": ".zip",
    b"ElfFile": ".evtx",
    b"regf": ".hive",
    b"\x1f\x8b": ".gz",
}
TAR = (257, b"ustar")  # where a tar says that it is one
KIND_ENDINGS = {EvidenceKind.DISK: ".dd", EvidenceKind.MEMORY: ".mem"}
OPENS = {
    EvidenceKind.DISK: "mmls and fls -r (The Sleuth Kit), Autopsy; target-query (dissect); log2timeline (plaso)",
    EvidenceKind.MEMORY: "vol -f FILE (Volatility 3); yr scan (YARA-X); strings -el",
    EvidenceKind.CAPTURE: "wireshark, tshark -r FILE, suricata -r FILE",
    EvidenceKind.TRIAGE: "tar -tf or unzip -l FILE; target-query (dissect); yr scan (YARA-X)",
}
OTHERS = "yr scan (YARA-X), file, exiftool; take it for malware until it is known"


@dataclass(frozen=True, slots=True)
class Laid:
    item: Evidence
    path: Path


def lay_out(case: Case, folder: Path, reason: str, *, actor: User) -> list[Laid]:
    """Symbolic links to the read-only files of the store, or read-only copies where it is not a folder of this machine,
    and README.txt. Each opening stands in the chain first.

    The links are for tools on this machine that open what they are given for reading only; the files have mode 0400 and
    the store's own check finds whatever a tool run by root would change all the same.
    """
    require(actor, May.WORK)
    place = store()
    items = [item for item in case.evidence.all() if item.is_here and place.has(item.sha256)]
    if not items:
        raise EvidenceError(f"{case.number} has no file here that could be laid out.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with transaction.atomic():
        for item in items:
            why = custody.needed(reason)
            custody.append(item, CustodyAction.VIEWED, actor=actor, reason=why, tool="workbench", to=str(folder)[:300])
            custody.say(item, f"{item.number} laid out on the workbench: {why}", actor)
    laid = [Laid(item, folder / _name(place, item)) for item in items]
    for one in laid:
        one.path.unlink(missing_ok=True)
        place.lay(one.item.sha256, one.path)
    (folder / "README.txt").write_text(_readme(case, laid, reason, actor), "utf-8")
    return laid


def _name(place: Store, item: Evidence) -> str:
    """Made of our own number and of letters that no shell reads as anything else."""
    with place.open(item.sha256) as file:
        start = file.read(512)
    ending = next((one for mark, one in ENDINGS.items() if start.startswith(mark)), "")
    if start[TAR[0] :].startswith(TAR[1]):
        ending = ".tar"
    ending = ending or KIND_ENDINGS.get(EvidenceKind(item.kind), ".bin")
    return f"{item.number}_{item.kind}_{_UNFIT.sub('-', item.title).strip('-.')[:60]}{ending}"


def _readme(case: Case, laid: list[Laid], reason: str, actor: User) -> str:
    lines = [
        f"{case.number}, laid out {timezone.now():%Y-%m-%d %H:%M:%S} UTC by {actor.display_name}: {reason}",
        "",
        "The files are links to the evidence store, or copies of what is in it: sealed originals. Open them for",
        "reading only, mount them with 'ro,noload' or 'ro,norecovery', write results elsewhere, and run",
        f"'manage.py verify_evidence {case.number}' when you are done. Then remove this folder; the store keeps all.",
        "Taking this folder out of the house is an export: use the export of the case instead.",
        "",
    ]
    for one in laid:
        item = one.item
        lines += [
            one.path.name,
            f"  {item.number} {item.get_kind_display()}, {amount(item.size)}, SHA-256 {item.sha256}",
            f"  opens with: {OPENS.get(EvidenceKind(item.kind), OTHERS)}",
            "",
        ]
    return "\n".join([*lines, f"{settings.PRODUCT_NAME} {settings.VERSION}", ""])
