"""Evidence leaves the house: an encrypted ZIP, written as it is sent, with the chain and what checks it offline."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from secrets import choice
from typing import Any
from uuid import uuid4

import pyzipper
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cases.choices import CustodyAction, Tlp
from cases.errors import EvidenceError, IncompleteError
from cases.models import Case, Evidence
from cases.offline import custody as offline
from cases.services import custody, evidence
from cases.services.custody import locked, needed, say
from cases.services.inbox import CHUNK
from cases.services.store import store
from secops import stepup
from secops.access import May, require
from secops.chain import canonical
from secops.models import User

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else
GROUPS, LETTERS = 5, 5  # 24 random characters and more: 120 bits
MIN_PASSWORD = 12
SCHEMA = "nightdesk.export/1"


class Export:
    """One export, recorded; iterate it once for the bytes of the ZIP."""

    def __init__(self, name: str, files: list[str], texts: dict[str, bytes], password: str) -> None:
        self.name = name
        self._files, self._texts, self._password = files, texts, password

    def __iter__(self) -> Iterator[bytes]:
        sink = _Sink()
        with pyzipper.AESZipFile(sink, "w", compression=pyzipper.ZIP_STORED, encryption=pyzipper.WZ_AES) as archive:
            archive.setpassword(self._password.encode())
            for name, text in self._texts.items():
                archive.writestr(name, text)
                yield sink.taken()
            for sha256 in self._files:
                with archive.open(f"files/{sha256}", "w", force_zip64=True) as entry:
                    for chunk in chunks(sha256):
                        entry.write(chunk)
                        yield sink.taken()
        yield sink.taken()


class _Sink:
    """Where the archive writes; it can only go forward, so nothing is ever held but what is about to be sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def chunks(sha256: str) -> Iterator[bytes]:
    """A file as it leaves, hashed on the way: if it is not what was received, its items are looked at and marked."""
    passed = hashlib.sha256()
    with store().open(sha256) as file:
        while chunk := file.read(CHUNK):
            passed.update(chunk)
            yield chunk
    if passed.hexdigest() != sha256:
        for pk in Evidence.objects.filter(sha256=sha256, destroyed_at__isnull=True).values_list("pk", flat=True):
            evidence.verify(pk, is_routine=True)


def require_proof(case: Case, actor: User) -> None:
    """Nothing of a restricted case leaves by a session alone, where its person has a second factor; ProofError."""
    if case.is_restricted:
        stepup.require(actor)


def view(evidence_id: int, reason: str, *, actor: User) -> Evidence:
    """Record that a person reads the bytes, for `chunks` to give them. Its page shows none: opening it is no view."""
    require(actor, May.WORK)
    found = Evidence.objects.select_related("case").get(pk=evidence_id)
    require_proof(found.case, actor)
    has_file = store().has(found.sha256)
    with transaction.atomic():
        item = locked(evidence_id)
        if item.is_hazardous or not item.is_here or not has_file:
            why = (
                "may be malware and leaves as an encrypted ZIP only" if item.is_hazardous else "has no whole file here"
            )
            raise EvidenceError(f"{item.number} {why}.")
        custody.append(item, CustodyAction.VIEWED, actor=actor, reason=needed(reason))
        say(item, f"{item.number} downloaded: {needed(reason)}", actor)
    return item


def make_password() -> str:
    return "-".join("".join(choice(ALPHABET) for _ in range(LETTERS)) for _ in range(GROUPS))


def export(case_id: int, *, reason: str, password: str, only: Evidence | None = None, actor: User) -> Export:
    """Record that the items leave, an entry for each, and return what streams them with the chain up to here."""
    require(actor, May.WORK)
    require_proof(Case.objects.get(pk=case_id), actor)
    if len(password) < MIN_PASSWORD:
        raise IncompleteError(f"The password needs at least {MIN_PASSWORD} characters.")
    wanted = [only] if only else list(Evidence.objects.filter(case_id=case_id))
    files = store().present({item.sha256 for item in wanted if item.is_here})
    return _recorded(case_id, wanted, files, reason=reason, password=password, only=only, actor=actor)


@transaction.atomic
def _recorded(
    case_id: int,
    wanted: list[Evidence],
    files: set[str],
    *,
    reason: str,
    password: str,
    only: Evidence | None,
    actor: User,
) -> Export:
    """`files` are the hashes that the store has; it was asked before, as it may be far away."""
    case = Case.objects.select_for_update().get(pk=case_id)
    items = list(case.evidence.filter(pk__in=[one.pk for one in wanted], destroyed_at__isnull=True))
    if not items:
        raise EvidenceError(f"{case.number} has no evidence that could be exported.")
    shared: dict[str, Any] = {"export": str(uuid4()), "items": len(items), "reason": needed(reason)}
    files &= {item.sha256 for item in items if item.is_here}
    for item in items:
        custody.append(item, CustodyAction.EXPORTED, actor=actor, **shared, **_carried(item, files))
        say(item, f"{item.number} exported as an encrypted ZIP: {shared['reason']}", actor)
    chain = list(custody.lines(case_id))
    texts = {
        "custody.jsonl": b"".join(canonical(line) + b"\n" for line in chain),
        "manifest.json": json.dumps(
            _manifest(case, items, chain[-1], shared, actor), indent=2, ensure_ascii=False
        ).encode(),
        "custody.py": Path(offline.__file__).read_bytes(),
    }
    of = f"{case.number}-{only.number}" if only else case.number
    return Export(f"{of}-evidence-{timezone.now():%Y%m%dT%H%M%SZ}.zip", sorted(files), texts, password)


def _carried(item: Evidence, files: set[str]) -> dict[str, Any]:
    """What the chain says of the file; one that is damaged or missing is left out, and that is said."""
    if item.is_here and item.sha256 in files:
        return {"with_file": True}
    why = "it is missing" if item.is_here else "it does not match what was received"
    return {"with_file": False, "left_out": why if item.sha256 else ""}


def _manifest(
    case: Case, items: list[Evidence], last: dict[str, Any], shared: dict[str, Any], actor: User
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "case": case.number,
        "title": case.title,
        "tlp": Tlp(case.tlp).label,
        "export": shared["export"],
        "exported_at": last["body"]["at"],
        "exported_by": actor.display_name,
        "reason": shared["reason"],
        "product": f"{settings.PRODUCT_NAME} {settings.VERSION}",
        "head": {"seq": last["seq"], "hash": last["hash"]},
        "evidence": [
            {"id": item.number, "kind": item.kind, "title": item.title, "file_name": item.file_name or None}
            | {"size": item.size, "sha256": item.sha256 or None}
            for item in items
        ],
        "check": "python custody.py . [--anchor FILE]",
    }
