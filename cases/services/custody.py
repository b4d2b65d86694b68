"""The chain of custody of a case: the one place that writes it, and what finds a chain that was changed."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases.choices import CustodyAction
from cases.errors import EvidenceError, IncompleteError
from cases.intake.gate import clean_text
from cases.models import Case, CustodyEntry, CustodyHead, Evidence, TimelineEntry
from cases.services import timeline
from secops.chain import FIRST, entry_hash, first_problem
from secops.models import User

MACHINE = "Nightdesk"


@transaction.atomic
def append(
    evidence: Evidence, action: CustodyAction, *, actor: User | None, who: str = MACHINE, **details: Any
) -> CustodyEntry:
    """Write one entry under the lock of the chain's head. Names stand in it for good, whoever they become.

    `details` holds text, whole numbers, truths and lists of them; what is None or empty is left out.
    """
    Case.objects.select_for_update().only("pk").get(
        pk=evidence.case_id
    )  # the timeline locks it, too: one order for all
    head, _ = CustodyHead.objects.get_or_create(case_id=evidence.case_id)
    head = CustodyHead.objects.select_for_update().get(pk=head.pk)
    said = {name: value for name, value in details.items() if value not in (None, "")}
    if actor:
        said["login"] = actor.get_username()
    entry = CustodyEntry(
        case_id=evidence.case_id,
        evidence=evidence,
        seq=head.seq + 1,
        at=timezone.now(),
        action=action,
        who=clean_text(actor.display_name if actor else who)[:150],
        user=actor,
        item=evidence.number,
        sha256=evidence.sha256,
        details={name: clean_text(value) if isinstance(value, str) else value for name, value in said.items()},
        previous=head.hash,
    )
    entry.hash = entry_hash(entry.seq, entry.previous, entry.body())
    entry.save(force_insert=True)
    CustodyHead.objects.filter(pk=head.pk).update(seq=entry.seq, hash=entry.hash)
    return entry


def lines(case_id: int) -> Iterator[dict[str, Any]]:
    """The chain as an export carries it, one value for each line of custody.jsonl."""
    for entry in CustodyEntry.objects.filter(case_id=case_id).order_by("seq").iterator():
        yield {"seq": entry.seq, "previous": entry.previous, "body": entry.body(), "hash": entry.hash}


@transaction.atomic
def verify(case_id: int) -> tuple[int, str] | None:
    """The first entry that is not as it was written, as (seq, why); None when the chain is whole."""
    Case.objects.select_for_update().only("pk").get(pk=case_id)
    entries = list(CustodyEntry.objects.filter(case_id=case_id).order_by("seq"))
    if problem := first_problem((one.seq, one.previous, one.hash, one.body()) for one in entries):
        return problem
    last, head = (entries[-1].seq, entries[-1].hash) if entries else (0, FIRST)
    known = CustodyHead.objects.filter(pk=case_id).first() or CustodyHead(case_id=case_id)
    if (known.seq, known.hash) != (last, head):
        return max(last, known.seq), f"is missing or was rewritten: the chain ends at entry {last}"
    return None


def differs_from_anchor(case_id: int, anchored: list[tuple[int, str, str]]) -> tuple[int, str] | None:
    """The first entry that was written outside with another hash than it has here: (seq, why)."""
    hashes = dict(CustodyEntry.objects.filter(case_id=case_id).values_list("seq", "hash"))
    for seq, known, at in sorted(anchored):
        if hashes.get(seq) != known:
            return seq, f"is missing or was rewritten since it was anchored at {at}"
    return None


def locked(evidence_id: int) -> Evidence:
    """Under the lock of its case, as everything that writes a chain; EvidenceError when it is no more."""
    case_id = Evidence.objects.values_list("case_id", flat=True).get(pk=evidence_id)
    Case.objects.select_for_update().only("pk").get(pk=case_id)
    evidence = Evidence.objects.get(pk=evidence_id)
    if evidence.destroyed_at:
        raise EvidenceError(f"{evidence.number} was destroyed.")
    return evidence


def needed(text: str, otherwise: str = "Say why: it stands in the chain of custody.") -> str:
    text = clean_text(text).strip()[:500]
    if not text:
        raise IncompleteError(otherwise)
    return text


def say(evidence: Evidence, text: str, actor: User | None, who: str = MACHINE) -> None:
    """The line of the case's timeline that belongs to an entry of the chain."""
    kind = TimelineEntry.Kind.PERSON if actor else TimelineEntry.Kind.RUN
    timeline.record(evidence.case_id, text, kind=kind, actor=actor, who=who, refs={"evidence": evidence.number})
