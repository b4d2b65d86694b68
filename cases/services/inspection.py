"""Look at everything and change nothing: is each chain of custody whole, is each file what was received?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from cases.choices import CustodyAction
from cases.models import Case, CustodyEntry, CustodyHead, Evidence
from cases.offline.custody import anchored
from cases.services import custody, retention
from cases.services.store import digest_of, store
from secops.s3 import StoreAwayError

type Anchor = dict[str, list[tuple[int, str, str]]]


def read_anchor(lines: Iterable[str]) -> Anchor:
    """By case number: what was written outside."""
    known: Anchor = defaultdict(list)
    for number, seq, own, at in anchored(lines):
        known[number].append((seq, own, at))
    return known


def problems(case: Case, anchor: Anchor | None = None) -> Iterator[str]:
    """The first bad entry of the chain, and every item whose row or file is not what the chain says."""
    if problem := custody.verify(case.pk) or custody.differs_from_anchor(case.pk, (anchor or {}).get(case.number, [])):
        seq, why = problem
        row = CustodyEntry.objects.filter(case=case, seq=seq).values_list("pk", flat=True).first()
        yield f"{case.number}: entry {seq} ({f'row {row}' if row else 'no row'}) {why}"
    received = {entry.item: entry for entry in CustodyEntry.objects.filter(case=case, action=CustodyAction.RECEIVED)}
    destroyed = set(
        CustodyEntry.objects.filter(case=case, action=CustodyAction.DESTROYED).values_list("item", flat=True)
    )
    for item in Evidence.objects.filter(case=case):
        if why := _wrong(item, received.pop(item.number, None), is_destroyed=item.number in destroyed):
            yield f"{case.number}: {item.number} {why}"
    for number in received:
        yield f"{case.number}: {number} is in the chain and has no row"


def _wrong(item: Evidence, received: CustodyEntry | None, *, is_destroyed: bool) -> str:
    if received is None:
        return "has no entry that it was received"
    if (item.sha256, item.size) != (received.sha256, received.details.get("size")):
        return f"is not what entry {received.seq} says was received"
    if is_destroyed != bool(item.destroyed_at):
        return "was destroyed and is listed as kept" if is_destroyed else "is listed as destroyed; no entry says so"
    try:
        return _wrong_file(item)
    except StoreAwayError as error:
        return f"cannot be checked: {error}"


def _wrong_file(item: Evidence) -> str:
    if retention.remains(item):
        return f"is destroyed, its file ({item.sha256[:12]}…) is still here: destroy it again"
    if not item.sha256 or item.destroyed_at:
        return ""
    found = digest_of(item.sha256)
    if not found:
        return f"(file {item.sha256[:12]}…) is missing"
    return "" if found == item.sha256 else f"(file {item.sha256[:12]}…) was changed; it is now {found[:12]}…"


def cases_with_evidence() -> Iterator[Case]:
    """Whatever has an item, an entry or a head: a chain that lost two of them is looked at, too."""
    numbers: set[int] = set()
    for model in (Evidence, CustodyEntry, CustodyHead):
        numbers |= set(model._default_manager.order_by().values_list("case_id", flat=True))
    yield from Case.objects.filter(pk__in=numbers).order_by("pk").only("pk")


def lost_chains(anchor: Anchor) -> Iterator[str]:
    """Cases that were anchored and have no chain any more."""
    here = {f"CASE-{pk}" for pk in CustodyEntry.objects.values_list("case_id", flat=True).distinct()}
    for number in sorted(set(anchor) - here):
        yield f"{number}: was anchored and has no chain of custody here"


def unknown_files() -> Iterator[str]:
    """Files that no row speaks of: kept, because an upload may be about to write its row."""
    known = set(Evidence.objects.filter(destroyed_at__isnull=True).values_list("sha256", flat=True))
    for sha256 in store().hashes():
        if sha256 not in known:
            yield f"file {sha256[:12]}… has no row; it is kept"
