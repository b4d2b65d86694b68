"""What people did with files over months: the file servers' audit (Security 5145) and data loss prevention.

Both name the person, so no lease is needed, and both reach further back than the network's logs. The audit says no
sizes. Peers are those whose most used share is the same; they leave this module under pseudonyms only.
"""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

from datetime import datetime

from secops.connectors.capabilities.files import FileUse, PeerUse
from secops.connectors.capabilities.traffic import Window
from secops.logfiles.clock import aware, naive
from secops.logfiles.sessions import NOBODY
from secops.logfiles.store import LogStore
from secops.pseudonyms import pseudonym

MOST_HOURS = 20_000
MOST_PEER_DAYS = 50_000
READ_DATA = 0x1  # bit of the access mask; without it only names and attributes were looked at
WAYS = {
    "FileCopiedToRemovableMedia": "removable",
    "FileCreatedOnRemovableMedia": "removable",
    "FilePrinted": "printed",
    "FileUploadedToCloud": "uploaded",
}
OPENED = f"""
    SELECT seen_at, lower(split_part(account, chr(92), -1)) AS login, lower(target) AS target,
        array_to_string(string_split(target, chr(92))[1:4], chr(92)) AS share
    FROM events WHERE event = 5145 AND target <> '' AND seen_at BETWEEN ? AND ?
        AND coalesce(try_cast(action AS BIGINT), 0) & {READ_DATA} = {READ_DATA}
        AND NOT regexp_matches(lower(coalesce(account, '')), '{NOBODY}')
"""


def file_use(store: LogStore, login: str, start: datetime, end: datetime) -> list[FileUse]:
    """Per hour and place, oldest first; a file opened twice in an hour counts once."""
    ways = " ".join(f"WHEN '{operation}' THEN '{way}'" for operation, way in WAYS.items())
    window = [naive(start), naive(end)]
    found = store.query(
        f"""
        WITH opened AS ({OPENED})
        SELECT date_trunc('hour', seen_at) AS hour, 'opened' AS way, share AS place, count(DISTINCT target), 0
        FROM opened WHERE login = ? GROUP BY ALL
        UNION ALL
        SELECT date_trunc('hour', seen_at), CASE operation {ways} END AS way,
            CASE WHEN way = 'removable' THEN serial ELSE target END, count(DISTINCT path), sum(size)
        FROM handled WHERE way IS NOT NULL AND login = ? AND seen_at BETWEEN ? AND ? GROUP BY ALL
        ORDER BY 1, 2, 3 LIMIT {MOST_HOURS}""",
        [*window, login.lower(), login.lower(), *window],
    )
    return [
        FileUse(at=aware(hour), way=way, place=place, files=files, size=int(size))
        for hour, way, place, files, size in found
    ]


def peer_file_use(store: LogStore, login: str, start: datetime, end: datetime) -> list[PeerUse]:
    """Per peer, day and share, oldest first."""
    found = store.query(
        f"""
        WITH opened AS ({OPENED}), often AS (
            SELECT login, share, count(DISTINCT date_trunc('day', seen_at)) AS days, count(*) AS opens
            FROM opened GROUP BY ALL
        ), home AS (SELECT login, arg_max(share, days * 1000000 + opens) AS share FROM often GROUP BY login),
        peers AS (
            SELECT login FROM home WHERE login <> ? AND share = (SELECT share FROM home WHERE login = ?)
        )
        SELECT login, date_trunc('day', seen_at) AS day, share, count(DISTINCT target)
        FROM opened WHERE login IN (SELECT login FROM peers) GROUP BY ALL
        ORDER BY day, login, share LIMIT {MOST_PEER_DAYS}""",
        [naive(start), naive(end), login.lower(), login.lower()],
    )
    labels = {one: f"Peer {pseudonym('nightdesk peers', f'{login.lower()}:{one}')}" for one, *_ in found}
    return [PeerUse(peer=labels[one], at=aware(day), place=share, files=files) for one, day, share, files in found]


def file_use_windows(store: LogStore) -> dict[str, Window]:
    """From the first to the last line of each; a log that is not there has no window."""
    audit = store.query("SELECT min(seen_at), max(seen_at) FROM events WHERE event = 5145")
    leaving = store.query("SELECT min(seen_at), max(seen_at) FROM handled")
    return {"file servers": _window(audit), "data loss prevention": _window(leaving)}


def _window(found: list[tuple[datetime | None, datetime | None]]) -> Window:
    ((start, end),) = found
    return Window(start=aware(start) if start else None, end=aware(end) if end else None)
