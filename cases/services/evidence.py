"""Evidence comes in, is sealed, checked and handed on: each act one function, one custody entry, one timeline line."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from cases.choices import CustodyAction, EvidenceKind
from cases.errors import EvidenceError, IncompleteError
from cases.intake.gate import clean_text
from cases.models import Case, Evidence
from cases.services import cases, custody, quota
from cases.services.described import Acquired as Acquired
from cases.services.described import cleaned, fitting
from cases.services.inbox import Draft
from cases.services.store import digest_of, store
from secops.access import May, require
from secops.faultpoints import hit
from secops.models import User
from secops.s3 import StoreAwayError
from secops.wording import amount


def receive(
    case_id: int,
    stream: Iterable[bytes],
    *,
    kind: EvidenceKind | str,
    title: str,
    file_name: str = "",
    media_type: str = "",
    is_hazardous: bool = True,
    acquired: Acquired | None = None,
    original: Evidence | None = None,
    is_sealed: bool = False,
    limit: int | None = None,
    actor: User | None = None,
    who: str = custody.MACHINE,
) -> Evidence:
    """Take bytes from anywhere into the store and the chain. Returns when they are on the disk and the row stands.

    Without an actor a machine brings it: `who` says which. `limit` is in bytes; `is_sealed` seals it on arrival.
    """
    with store().draft(limit=limit) as draft:
        for chunk in stream:
            draft.write(chunk)
        draft.finish()
        return keep(
            case_id,
            draft,
            kind=kind,
            title=title,
            file_name=file_name,
            media_type=media_type,
            is_hazardous=is_hazardous,
            acquired=acquired,
            original=original,
            is_sealed=is_sealed,
            actor=actor,
            who=who,
        )


def keep(
    case_id: int,
    draft: Draft,
    *,
    acquired: Acquired | None = None,
    original: Evidence | None = None,
    is_sealed: bool = False,
    actor: User | None = None,
    who: str = custody.MACHINE,
    **described: Any,
) -> Evidence:
    """As `receive`, with a finished draft: file first, then row, entry and timeline in one transaction. Who calls it
    within a transaction has delivered the draft before, and leaves it after.

    With a `source_ref`, which names what it is a copy of, it is kept once: later it is the item that stands already.
    """
    if actor:
        require(actor, May.WORK)
    if original and original.case_id != case_id:
        raise EvidenceError(f"{original.number} is of another case.")
    quota.require_room(case_id, actor, draft.size)
    fields: dict[str, Any] = cleaned(described) | {"sha256": draft.sha256, "size": draft.size}
    draft.place()
    with transaction.atomic():
        if found := _kept(case_id, fields.get("source_ref", "")):
            return found
        added = _add(case_id, acquired or Acquired(), original, actor, who, **fields)
        if is_sealed and not added.differs_from_source:
            _seal(added, actor, who)
        transaction.on_commit(draft.stay, robust=True)  # the row stands: a store that is away now is told by the check
        hit("evidence_row")
    hit("evidence_done")
    return added


def register(
    case_id: int, *, title: str, serial: str, seal_number: str, shelf: str, acquired: Acquired, actor: User
) -> Evidence:
    """A physical exhibit: no file, but a serial number, a seal, a shelf, and the same chain."""
    require(actor, May.WORK)
    fields = {"title": title, "serial": serial, "seal_number": seal_number, "shelf": shelf}
    with transaction.atomic():
        added = _add(
            case_id,
            acquired,
            None,
            actor,
            custody.MACHINE,
            kind=EvidenceKind.EXHIBIT,
            is_hazardous=False,
            holder=actor.display_name,
            **fields,
        )
        if added.seal_number:
            _seal(added, actor, custody.MACHINE)
    return added


def working_copy(evidence_id: int, reason: str, *, actor: User) -> Evidence:
    """The same bytes as an item of its own, for work on it; the store holds them once."""
    require(actor, May.WORK)
    original = Evidence.objects.get(pk=evidence_id)
    if not original.is_here or digest_of(original.sha256) != original.sha256:
        raise EvidenceError(f"{original.number} is not whole in the store: verify it first.")
    with transaction.atomic():
        custody.locked(evidence_id)
        names = ("kind", "is_hazardous", "sha256", "size", "file_name", "media_type")
        fields = {name: getattr(original, name) for name in names}
        title = f"Working copy of {original.number}: {original.title}"
        return _add(
            original.case_id,
            Acquired(),
            original,
            actor,
            custody.MACHINE,
            title=title,
            why=custody.needed(reason),
            **fields,
        )


def verify(evidence_id: int, *, actor: User | None = None, is_routine: bool = False) -> bool:
    """Hash the file again. A mismatch is an entry and an alarm; a routine check that matches only notes the time."""
    if actor:
        require(actor, May.WORK)
    asked = Evidence.objects.get(pk=evidence_id)
    if not asked.sha256:
        raise EvidenceError(f"{asked.number} has no file: look at its seal.")
    found = digest_of(asked.sha256)
    with transaction.atomic():
        evidence = custody.locked(evidence_id)
        matches, was_damaged = found == evidence.sha256, evidence.is_damaged
        at = timezone.now()
        evidence.is_damaged, evidence.checked_at = not matches, at
        evidence.verified_at = at if matches else evidence.verified_at
        evidence.save(update_fields=["is_damaged", "verified_at", "checked_at"])
        if is_routine and matches and not was_damaged:
            return True
        custody.append(evidence, CustodyAction.VERIFIED, actor=actor, matches=matches, found="" if matches else found)
        if matches:
            custody.say(evidence, f"{evidence.number} verified: it is what was received.", actor)
        else:
            what = f"is now {found[:12]}…" if found else "is missing"
            custody.say(evidence, f"{evidence.number} does not match: its file {what}. Do not work on it.", actor)
            Case.objects.filter(pk=evidence.case_id).update(is_unread=True)
    return matches


def due_for_check() -> QuerySet[Evidence]:
    """Whose file was hashed so long ago that it is read again, the longest ago first."""
    here = Evidence.objects.exclude(sha256="").filter(destroyed_at__isnull=True)
    looked = here.annotate(looked_at=Coalesce("checked_at", "received_at"))
    due = looked.filter(looked_at__lt=timezone.now() - timedelta(days=settings.EVIDENCE_RECHECK_DAYS))
    return due.order_by("looked_at", "pk")


def verify_due() -> tuple[int, int, list[str]]:
    """Hash those items again, one after another: how many, how many did not match, and why some could not be read."""
    count, wrong, unread = 0, 0, list[str]()
    for due in due_for_check():
        try:
            wrong += not verify(due.pk, is_routine=True)
            count += 1
        except StoreAwayError as error:
            unread.append(f"{due.case.number} {due.number}: {error}")
    return count, wrong, unread


def seal(evidence_id: int, *, seal_number: str = "", actor: User) -> Evidence:
    """From here on it is as it was received: a file is hashed again first, an exhibit gets the number of its seal."""
    require(actor, May.WORK)
    evidence = Evidence.objects.get(pk=evidence_id)
    seal_number = clean_text(seal_number).strip()[:100]
    if evidence.is_exhibit and not seal_number:
        raise IncompleteError("A physical exhibit needs the number of its seal.")
    if evidence.differs_from_source:
        raise EvidenceError(f"{evidence.number} is not what its source hashed: receive it again.")
    _expect_open(evidence)
    if evidence.sha256 and not verify(evidence_id, actor=actor):
        raise EvidenceError(f"{evidence.number} is not what was received and cannot be sealed.")
    with transaction.atomic():
        evidence = custody.locked(evidence_id)
        _expect_open(evidence)  # while it was hashed, somebody else may have sealed it
        evidence.seal_number = seal_number or evidence.seal_number
        _seal(evidence, actor, custody.MACHINE)
    return evidence


@transaction.atomic
def hand_over(evidence_id: int, *, to: str, reason: str, shelf: str = "", actor: User) -> Evidence:
    """Somebody else has it now, or it stands elsewhere."""
    require(actor, May.WORK)
    evidence = custody.locked(evidence_id)
    to, shelf = custody.needed(to, "Say who has it now.")[:150], clean_text(shelf).strip()[:150]
    before, evidence.holder = evidence.holder, to
    evidence.shelf = shelf or evidence.shelf
    evidence.save(update_fields=["holder", "shelf"])
    details = {"from": before or custody.MACHINE, "to": to, "reason": custody.needed(reason), "shelf": shelf}
    custody.append(evidence, CustodyAction.HANDED_OVER, actor=actor, **details)
    custody.say(evidence, f"{evidence.number} handed over to {to}.", actor)
    return evidence


def _expect_open(evidence: Evidence) -> None:
    """A file is sealed once; an exhibit gets a new seal each time that it was opened."""
    if evidence.sealed_at and not evidence.is_exhibit:
        raise EvidenceError(f"{evidence.number} is sealed.")


def _kept(case_id: int, source_ref: str) -> Evidence | None:
    """The item that is this copy already; inside a transaction, under the lock of its case."""
    Case.objects.select_for_update().only("pk").get(pk=case_id)
    return Evidence.objects.filter(source_ref=source_ref).first() if source_ref else None


def _add(
    case_id: int,
    acquired: Acquired,
    original: Evidence | None,
    actor: User | None,
    who: str,
    *,
    why: str = "",
    **fields: Any,
) -> Evidence:
    """The row, its entries and its line; inside a transaction."""
    Case.objects.select_for_update().only("pk").get(pk=case_id)
    if actor:
        cases.take_up(case_id, actor=actor)
    original = (original.original or original) if original else None
    if original:
        seq, copy = original.seq, (original.copies.aggregate(last=Max("copy"))["last"] or 0) + 1
    else:
        seq, copy = (Evidence.objects.filter(case_id=case_id).aggregate(last=Max("seq"))["last"] or 0) + 1, 0
    added = Evidence(case_id=case_id, seq=seq, copy=copy, original=original, **fitting(asdict(acquired) | fields))
    added.received_at, added.received_by = timezone.now(), actor
    added.save(force_insert=True)
    if told := acquired.details():
        custody.append(added, CustodyAction.ACQUIRED, actor=actor, who=who, **told)
    names = ("kind", "title", "size", "file_name", "media_type", "serial", "seal_number", "shelf")
    said = {
        name: str(value) if name == "kind" else value for name in names if (value := getattr(added, name)) is not None
    }
    origin = {"copy_of" if added.is_working_copy else "derived_from": original.number} if original else {}
    custody.append(added, CustodyAction.RECEIVED, actor=actor, who=who, reason=why, **origin, **said)
    custody.say(added, f"{added.number} received: {added.title}{_facts(added)}.", actor, who)
    return added


def _facts(evidence: Evidence) -> str:
    if evidence.is_exhibit:
        return f", serial {evidence.serial}, seal {evidence.seal_number}" if evidence.serial else ""
    differs = ". It is NOT what its source hashed" if evidence.differs_from_source else ""
    return f", {amount(evidence.size)}, SHA-256 {evidence.sha256[:4]}…{evidence.sha256[-4:]}{differs}"


def _seal(evidence: Evidence, actor: User | None, who: str) -> None:
    evidence.sealed_at = timezone.now()
    evidence.save(update_fields=["sealed_at", "seal_number"])
    custody.append(evidence, CustodyAction.SEALED, actor=actor, who=who, seal_number=evidence.seal_number)
    custody.say(evidence, f"{evidence.number} sealed.", actor, who)
