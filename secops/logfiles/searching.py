"""A hunt over the log files: conditions as SQL over the events and connections that they hold.

What the files do not say is refused or noted, because an empty answer would be read as "nowhere".
"""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter

from dataclasses import replace
from datetime import datetime, timedelta

from duckdb import Error as DuckDBError

from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.hunting import Hunted, HuntHit, HuntLoad, Scope
from secops.hunting.conditions import Condition, Kind, Near, Number, Query, fields_of, leaves
from secops.logfiles.clock import aware, naive
from secops.logfiles.leases import lease_book
from secops.logfiles.similar import similar_files
from secops.logfiles.store import LogStore
from secops.logfiles.where import FLOWS, INVENTORY, SHARES, TABLES, Table, sql_of
from secops.logfiles.windows import KNOWN
from secops.networks import stays_inside

STALE = timedelta(days=1)  # so long before the end of the window the files may stop without a word
HOURS = 24  # rows of one hit are read by the hour, because an address may change hands


def hunt_load(store: LogStore, scope: Scope, start: datetime, end: datetime) -> HuntLoad:
    """Devices by name in the events or by address in the connections, whichever are more."""
    _refuse_groups(scope)
    window = [naive(start), naive(end)]
    ((hosts, first),) = store.query(
        "SELECT count(DISTINCT host), min(seen_at) FROM events WHERE seen_at BETWEEN ? AND ?", window
    )
    talkers = store.query("SELECT orig, min(seen_at) FROM flows WHERE seen_at BETWEEN ? AND ? GROUP BY orig", window)
    inside = [at for address, at in talkers if stays_inside(address, store.networks)]
    firsts = [at for at in (first, *inside) if at]
    return HuntLoad(devices=max(hosts, len(inside)), covers_from=aware(min(firsts)) if firsts else None)


def hunt_for(store: LogStore, query: Query, scope: Scope, start: datetime, end: datetime, limit: int) -> Hunted:
    """Hits of every table that can answer; SourceRefused when none can."""
    _refuse_groups(scope)
    if isinstance(query.condition, Near):
        return similar_files(store, query.condition, start, end, limit)
    if unkept := sorted(_numbers(query.condition) - KNOWN):
        raise SourceRefused(f"Windows event {', '.join(map(str, unkept))} is not kept from the log files.")
    parts, notes, problems = [], [], []
    for table in _tables(query):
        try:
            parts.append(_asked(store, table, query, start, end, limit))
        except SourceRefused as error:
            problems.append(str(error))
    if not parts:
        raise SourceRefused(problems[0])
    for part in parts:
        notes += [note for note in part.notes if note not in notes]
    hits = sorted((hit for part in parts for hit in part.hits), key=lambda hit: hit.first_seen_at or start)
    return Hunted(
        hits=hits[:limit],
        covers_from=max((part.covers_from for part in parts if part.covers_from), default=None),
        is_cut=len(hits) > limit or any(part.is_cut for part in parts),
        notes=tuple(notes),
    )


def _tables(query: Query) -> list[Table]:
    """The events, and the sensors' logs where they say all that is asked."""
    more = {Kind.NETWORK: (FLOWS,), Kind.FILE: (SHARES, INVENTORY)}.get(query.kind, ())
    return [TABLES[query.kind], *(one for one in more if fields_of(query.condition) <= set(one.columns))]


def _asked(store: LogStore, table: Table, query: Query, start: datetime, end: datetime, limit: int) -> Hunted:
    first, notes = _covered(store, table, query, start, end)
    where, values = sql_of(query.condition, table)
    sql = (
        f"SELECT {table.device} AS device, {table.what} AS what, min(seen_at), count(*), "
        f"any_value({table.detail} ORDER BY seen_at), date_trunc('hour', seen_at) AS hour "
        f"FROM {table.source} WHERE {table.where} AND seen_at BETWEEN ? AND ? AND {where} GROUP BY ALL ORDER BY 3"
    )
    try:
        found = store.query(f"{sql} LIMIT {limit * HOURS + 1}", [naive(start), naive(end), *values])
    except DuckDBError as error:
        raise SourceRefused("The log files cannot be searched for a pattern of this rule.") from error
    hits: dict[tuple[str, str, str], HuntHit] = {}
    for device, what, at, number, detail, _ in found:
        hit = _hit(store, table, query.kind, device or "", what or "", at, number, detail or "")
        if hit is not None:
            place = (hit.device, hit.address, hit.what.lower())
            known = hits.get(place)
            hits[place] = replace(known, count=known.count + hit.count) if known else hit
    return Hunted(
        hits=list(hits.values())[:limit],
        covers_from=aware(first) if first > naive(start) else None,
        is_cut=len(hits) > limit or len(found) > limit * HOURS,
        notes=tuple(notes),
    )


def _hit(
    store: LogStore, table: Table, kind: Kind, device: str, what: str, at: datetime, number: int, detail: str
) -> HuntHit | None:
    """None for the outside end of a connection. An address is a device's only if a lease covers the minute."""
    address = ""
    if table.by_address:
        if not stays_inside(device, store.networks):
            return None
        lease = lease_book(store).lease_at(device, at)
        address, device = device, lease.hostname if lease else ""
    return HuntHit(
        device=device.upper(),
        address=address,
        what=what,
        detail=detail[:500],
        first_seen_at=aware(at),
        count=number,
        has_run=True if kind is Kind.PROCESS else None,
    )


def _covered(store: LogStore, table: Table, query: Query, start: datetime, end: datetime) -> tuple[datetime, list[str]]:
    """Since when the table holds such events, and what must be said of the answer."""
    fields = sorted(fields_of(query.condition) - {"action", "event"})
    said = "".join(f", count(nullif(CAST({table.columns[name]} AS VARCHAR), ''))" for name in fields)
    ((first, last, *counts),) = store.query(
        f"SELECT min(seen_at), max(seen_at){said} FROM {table.source} WHERE {table.where} AND seen_at BETWEEN ? AND ?",
        [naive(start), naive(end)],
    )
    if first is None:
        raise SourceRefused(f"The log files hold nothing about {query.kind.label} within the window.")
    silent = [name.replace("_", " ") for name, number in zip(fields, counts, strict=True) if not number]
    if silent and len(silent) == len(fields):
        raise SourceRefused(f"The log files' events about {query.kind.label} never say {', '.join(silent)}.")
    notes = [f"The log files never say {', '.join(silent)}."] if silent else []
    if naive(end) - last > STALE:
        notes.append(f"The last event about {query.kind.label} is of {aware(last):%d %b %Y %H:%M} UTC.")
    return first, notes


def _numbers(condition: Condition) -> set[int]:
    return {one.value for one in leaves(condition) if isinstance(one, Number) and one.field == "event"}


def _refuse_groups(scope: Scope) -> None:
    if scope.group:
        raise SourceRefused("The log files do not say which group a device belongs to.")
