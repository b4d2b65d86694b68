"""Evidence fetched from a product in pieces, by whichever worker looks next, and kept once."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from cases.errors import BusyError, EvidenceError, StoreFullError
from cases.models import Evidence
from cases.services import evidence, quota
from cases.services.described import Acquired, name_as_text
from cases.services.partials import Partial, partial
from cases.services.store import store
from secops.connectors.capabilities.acquisition import Check
from secops.faultpoints import hit
from secops.s3 import StoreAwayError

HERE = "All of it is here"
NAMED = 3  # of the files that differ; a note has room for those


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file at a product. `ref` names it for good: which part of which step. `size` in bytes.

    `check` compares the files in a package with their hashes at the source, as it does the package with its own.
    """

    ref: str
    size: int
    read: Callable[[int], Iterator[bytes]]  # its bytes from an offset on
    check: Callable[[], Check] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """How much of it is here, and the item once all of it is kept.

    `is_here`: no byte is missing any more, or another worker has it and may say so: it is not to be lost by waiting.
    """

    done_bytes: int
    item: Evidence | None = None
    text: str = ""
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one slice: when it ends (monotonic), and the most bytes that it fetches."""

    ends: float
    most: int | None

    def are_reached(self, fetched: int) -> bool:
        return monotonic() >= self.ends or (self.most is not None and fetched >= self.most)


def collect(
    case_id: int, source: Source, acquired: Acquired, *, seconds: float, most: int | None = None, **described: Any
) -> Collected:
    """Fetch, hash and keep for about so many seconds, and about `most` bytes; called again it goes on.

    `described` is as for `evidence.keep`.

    What differs from the source's own hash, as a whole or in a file of it, is kept, marked and not sealed.
    StoreFullError and EvidenceError are for good and leave nothing half; whatever reading raises leaves what came so
    far for the next time, and so does a store that is away: its reason is the text.
    """
    if found := Evidence.objects.filter(source_ref=source.ref).first():
        give_up(source.ref)  # left by a worker that died just after the row
        return Collected(done_bytes=source.size, item=found)
    try:
        with partial(source.ref, source.check) as draft:
            return _go_on(case_id, source, acquired, draft, Bounds(monotonic() + seconds, most), described)
    except BusyError:
        return Collected(done_bytes=0, text="Another worker is at it", is_here=True)
    except StoreAwayError as error:
        text = f"{HERE}, but not in its store yet. {error}"
        return Collected(done_bytes=source.size, text=text, is_here=True)


def give_up(ref: str) -> None:
    """Nobody wants it any more: what came so far goes, unless a worker is at it now (then the sweep finds it)."""
    try:
        with partial(ref) as draft:
            draft.discard()
    except BusyError:
        return


def _go_on(
    case_id: int, source: Source, acquired: Acquired, draft: Partial, bounds: Bounds, described: dict[str, Any]
) -> Collected:
    try:
        _fetch(case_id, source, draft, bounds)
    except (StoreFullError, EvidenceError):
        draft.discard()
        raise
    if draft.size < source.size:
        return Collected(done_bytes=draft.size)
    if not draft.catch_up(bounds.ends):
        return Collected(done_bytes=draft.size, text=f"{HERE} and is being hashed", is_here=True)
    hit("fetched_all")
    draft.finish()
    if not draft.deliver(bounds.ends):
        text = f"{HERE} and is on its way to the evidence store"
        return Collected(done_bytes=draft.size, text=text, is_here=True)
    acquired = _compared(acquired, draft.wrong())
    item = evidence.keep(case_id, draft, acquired=acquired, is_sealed=True, source_ref=source.ref, **described)
    draft.discard()
    return Collected(done_bytes=source.size, item=item)


def _compared(acquired: Acquired, wrong: list[str] | None) -> Acquired:
    """With what came of comparing the files in it, the first of them by name; None: nothing was compared."""
    if not wrong:
        return acquired if wrong is None else replace(acquired, wrong_members=0)
    named = ", ".join(name_as_text(one)[-60:] for one in wrong[:NAMED])
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    note = f"NOT what their source hashed: {named}{more}. {acquired.note}".strip()
    return replace(acquired, wrong_members=len(wrong), note=note)


def _fetch(case_id: int, source: Source, draft: Partial, bounds: Bounds) -> None:
    """Append until the bounds are reached or nothing is missing; a source that ends early is asked again."""
    if draft.size > source.size:
        raise EvidenceError("The source is smaller than what was received of it: it is not the same any more.")
    if draft.size == source.size:
        return
    quota.require_room(case_id, None, source.size)
    store().require_room(source.size - draft.size)
    begin, pieces = draft.size, source.read(draft.size)
    try:
        for piece in pieces:
            if draft.size + len(piece) > source.size:
                raise EvidenceError("The source sent more bytes than it said.")
            draft.write(piece)
            hit("fetched")
            if draft.size == source.size or bounds.are_reached(draft.size - begin):
                return
    finally:
        if isinstance(pieces, Generator):  # a connection is open behind it
            pieces.close()
