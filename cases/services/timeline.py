"""The story of a case: the one place that writes it, entry after entry, each speaking of the one before."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases.intake.gate import clean_text
from cases.models import Case, TimelineEntry
from secops.chain import FIRST, canonical, entry_hash, first_problem
from secops.models import User

MAX_TEXT = 1_000  # characters of one entry

COLUMNS = ("case_id", "seq", "at", "kind", "who", "user_id", "text", "refs", "previous", "hash")


@dataclass(slots=True)
class Head:
    """Where a case's chain stands: the number and hash of its last entry."""

    seq: int
    hash: str

    def append(self, entry: TimelineEntry) -> None:
        """Chain an entry to the last one and become its head; the caller holds the case's lock."""
        entry.previous = self.hash
        entry.hash = self.grow(entry.body())
        entry.seq = self.seq

    def grow(self, body: dict[str, Any]) -> str:
        """The hash of the next entry, which is the new head."""
        self.seq += 1
        self.hash = entry_hash(self.seq, self.hash, body)
        return self.hash


@transaction.atomic
def record(
    case_id: int,
    text: str,
    *,
    kind: TimelineEntry.Kind | str,
    actor: User | None = None,
    who: str = "Nightdesk",
    refs: dict[str, Any] | None = None,
    occurred_at: datetime | None = None,
) -> TimelineEntry:
    """Write one entry, under the lock of its case. The actor's name stands in it for good, whoever they become.

    `occurred_at` belongs to the kind `attacker`: when it happened there, while the entry's own time is now.
    """
    case = Case.objects.select_for_update().only("chain_seq", "chain_head").get(pk=case_id)
    entry = TimelineEntry(
        case_id=case_id,
        at=timezone.now(),
        occurred_at=occurred_at.astimezone(UTC) if occurred_at else None,
        kind=str(kind),
        who=clean_text(actor.display_name if actor else who)[:150],
        user=actor,
        text=cut(text),
        refs=refs or {},
    )
    head = Head(case.chain_seq, case.chain_head)
    head.append(entry)
    entry.save(force_insert=True)
    Case.objects.filter(pk=case_id).update(chain_seq=head.seq, chain_head=head.hash, updated_at=entry.at)
    return entry


def row(
    head: Head, case_id: int, text: str, *, kind: TimelineEntry.Kind, who: str, refs: dict[str, Any], at: datetime
) -> tuple[Any, ...]:
    """An entry of a machine as a row of COLUMNS, chained to `head`; for a batch, where models would cost too much."""
    text, previous = cut(text), head.hash
    body = {"case": case_id, "at": at.isoformat(), "kind": str(kind), "who": who, "text": text, "refs": refs}
    own = head.grow(body)
    return (case_id, head.seq, at, str(kind), who, None, text, canonical(refs).decode(), previous, own)


def cut(text: str) -> str:
    """Cleaned, and as long as an entry may be."""
    text = clean_text(text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


@transaction.atomic
def verify(case: Case) -> tuple[int, str] | None:
    """The first entry that is not as it was written, as (seq, why); None when the chain is whole."""
    case = Case.objects.select_for_update().only("chain_seq", "chain_head").get(pk=case.pk)
    entries = [(entry.seq, entry.previous, entry.hash, entry.body()) for entry in case.timeline.order_by("seq")]
    if problem := first_problem(entries):
        return problem
    seq, _, head, _ = entries[-1] if entries else (0, "", FIRST, {})
    if (seq, head) != (case.chain_seq, case.chain_head):
        return max(seq, case.chain_seq), f"is missing or was rewritten: the chain ends at entry {seq}"
    return None
