"""Files that are much like another one: the TLSH digests of the file inventories, compared one by one."""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter

from datetime import datetime

from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.hunting import Hunted, HuntHit
from secops.hunting import tlsh
from secops.hunting.conditions import Near
from secops.logfiles.clock import aware, naive
from secops.logfiles.store import LogStore

MOST_DIGESTS = 200_000  # different ones: a second or two of comparing
MOST_NEAR = 500  # of them may be near enough


def similar_files(store: LogStore, near: Near, start: datetime, end: datetime, limit: int) -> Hunted:
    """The nearest first; SourceRefused where no file has a digest in the window."""
    window = [naive(start), naive(end)]
    ((first, rows, said),) = store.query(
        "SELECT min(seen_at), count(*), count(nullif(tlsh, '')) FROM inventory WHERE seen_at BETWEEN ? AND ?", window
    )
    if not rows:
        raise SourceRefused("The log files hold no file inventory within the window, and their events no TLSH digest.")
    if not said:
        raise SourceRefused("The log files' inventories of files never say a TLSH digest.")
    digests = store.query(
        f"SELECT DISTINCT tlsh FROM inventory WHERE tlsh <> '' AND seen_at BETWEEN ? AND ? LIMIT {MOST_DIGESTS + 1}",
        window,
    )
    found = {written: tlsh.digest(written) for (written,) in digests[:MOST_DIGESTS]}
    far = {written: tlsh.distance(near.digest, digest) for written, digest in found.items() if digest}
    fits = sorted((written for written in far if far[written] <= near.most), key=far.__getitem__)
    hits = _hits(store, near, {written: far[written] for written in fits[:MOST_NEAR]}, window)
    notes = [f"{rows - said} of {rows} files of the inventories have no TLSH digest."] if said < rows else []
    return Hunted(
        hits=hits[:limit],
        covers_from=aware(first) if first > naive(start) else None,
        is_cut=len(hits) > limit or len(fits) > MOST_NEAR or len(digests) > MOST_DIGESTS,
        notes=tuple(notes),
    )


def _hits(store: LogStore, near: Near, far: dict[str, int], window: list[datetime]) -> list[HuntHit]:
    rows = store.query(
        "SELECT host, path, tlsh, any_value(sha256), min(seen_at) AS first, count(*) FROM inventory "
        "WHERE list_contains(?, tlsh) AND seen_at BETWEEN ? AND ? GROUP BY ALL ORDER BY first",
        [list(far), *window],
    )
    hits = [
        HuntHit(
            device=host,
            what=path,
            detail=f"TLSH distance {far[digest]}, at most {near.most} was wanted; SHA-256 {sha256 or 'not said'}",
            first_seen_at=aware(at),
            count=number,
        )
        for host, path, digest, sha256, at, number in rows
    ]
    return sorted(hits, key=lambda hit: int(hit.detail.split()[2].rstrip(",")))
