"""Files touched and removable devices seen: Sysmon 11, 23, 26, Security 4663 and 6416, and Zeek's log of shares."""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from secops.connectors.capabilities.files import FileEvent, RemovableMedia
from secops.connectors.capabilities.identity import Host
from secops.logfiles.clock import aware, naive
from secops.logfiles.flows import of_addresses
from secops.logfiles.leases import spans_of
from secops.logfiles.processes import of_host
from secops.logfiles.store import LogStore

MOST_EVENTS = 20_000
WRITE, DELETE = 0x2 | 0x4, 0x10000  # bits of a file access: write and append, delete; else it is read
REMOVABLE_TASKS = "('12812', 'Removable Storage')"  # the audit subcategory
COPY_MINUTES = 30  # a file written so soon after a file of that name was read from a share is taken for its copy
STORAGE = re.compile(r"^[A-Z]+STOR\\[^\\]+\\(?P<serial>.+?)(&\d+)?$", re.IGNORECASE)
USB = re.compile(r"^USB\\VID_[^\\]+\\(?P<serial>[^\\&]+)$", re.IGNORECASE)
MODEL = re.compile(r"Ven_(?P<vendor>[^&\\]*)&Prod_(?P<product>[^&\\]*)", re.IGNORECASE)
FILES = "(event IN (11, 23, 26) OR (event = 4663 AND coalesce(object_kind, 'File') = 'File')) AND target <> ''"
SHARE_KINDS = {"FILE_WRITE": "written", "FILE_RENAME": "written", "FILE_DELETE": "deleted"}


def file_events(store: LogStore, host: Host, start: datetime, end: datetime, *, removable: bool) -> list[FileEvent]:
    """Oldest first, at most 20,000: on the device and, unless only `removable` is asked, on shares.

    Windows says no sizes; a file that was read from a share shortly before has the size that it has there.
    """
    mine, values = of_host(store, host, end)
    found = store.query(
        "SELECT seen_at, event, target, size, account, image, sha256, action FROM events "
        f"WHERE {mine} AND seen_at BETWEEN ? AND ? AND {FILES} ORDER BY seen_at",
        [*values, naive(start), naive(end)],
    )
    shared = _share_events(store, host, start - timedelta(minutes=COPY_MINUTES), end)
    told = _with_sizes([_event(row) for row in found], shared)
    if removable:
        drives = _removable_drives(store, mine, values)
        return [event for event in told if event.drive in drives][:MOST_EVENTS]
    told += [event for event in shared if event.at >= start]
    return sorted(told, key=lambda event: event.at)[:MOST_EVENTS]


def removable_media(store: LogStore, host: Host, start: datetime, end: datetime) -> list[RemovableMedia]:
    """Each storage device plugged in, as often as it was, oldest first."""
    mine, values = of_host(store, host, end)
    found = store.query(
        "SELECT seen_at, device_id, device_name, account FROM events "
        f"WHERE {mine} AND seen_at BETWEEN ? AND ? AND event = 6416 ORDER BY seen_at",
        [*values, naive(start), naive(end)],
    )
    drives = _removable_drives(store, mine, values) if found else set()
    return [
        RemovableMedia(
            at=aware(at),
            serial=serial,
            name=_model(device_id) or name or "",
            drive=next(iter(drives)) if len(drives) == 1 else "",
            user="" if (account or "").endswith("$") else account or "",
        )
        for at, device_id, name, account in found
        if (serial := serial_of(device_id or ""))
    ]


def serial_of(device_id: str) -> str:
    r"""USBSTOR\Disk&Ven_X&Prod_Y&Rev_1\4C530001&0 has the serial 4C530001; what stores nothing has none here."""
    match = STORAGE.match(device_id) or USB.match(device_id)
    return match["serial"] if match else ""


def _model(device_id: str | None) -> str:
    match = MODEL.search(device_id or "")
    return f"{match['vendor']} {match['product']}".replace("_", " ").strip() if match else ""


def _event(row: tuple[Any, ...]) -> FileEvent:
    at, event, path, size, account, image, sha256, action = row
    return FileEvent(
        at=aware(at),
        kind=_kind(event, action or ""),
        path=path,
        size=size or 0,
        user=account or "",
        process=image or "",
        drive=_drive(path),
        sha256=sha256 or "",
    )


def _kind(event: int, mask: str) -> str:
    if event == 11:
        return "created"
    if event in {23, 26}:
        return "deleted"
    bits = int(mask, 16) if mask.lower().startswith("0x") else 0
    if bits & DELETE:
        return "deleted"
    return "written" if bits & WRITE else "read"


def _drive(path: str) -> str:
    r"""The letter (E:), the share (\\server\share) or the volume that the path begins with."""
    if re.match(r"^[A-Za-z]:", path):
        return path[:2].upper()
    parts = path.split("\\")
    if path.startswith("\\\\"):
        return "\\".join(parts[:4])
    return "\\".join(parts[:3]) if path.lower().startswith("\\device\\") else ""


def _removable_drives(store: LogStore, mine: str, values: list[Any]) -> set[str]:
    """Drives that the audit of removable storage names, and letters first used after a storage device was plugged in.

    No event says which letter a device was given; a fixed drive has been used before.
    """
    audited = store.query(
        f"SELECT DISTINCT target FROM events WHERE {mine} AND task IN {REMOVABLE_TASKS} AND {FILES}",
        values,
    )
    ((plugged_at,),) = store.query(
        f"SELECT min(seen_at) FROM events WHERE {mine} AND event = 6416 AND device_id ILIKE '%STOR%'",
        values,
    )
    letters = store.query(
        f"SELECT upper(left(target, 2)) AS letter, min(seen_at) FROM events WHERE {mine} AND {FILES} "
        "AND regexp_matches(target, '^[A-Za-z]:') GROUP BY letter",
        values,
    )
    later = {letter for letter, first_at in letters if plugged_at and first_at >= plugged_at and letter != "C:"}
    return ({_drive(path) for (path,) in audited} | later) - {""}


def _share_events(store: LogStore, host: Host, start: datetime, end: datetime) -> list[FileEvent]:
    """What the device opened, wrote or deleted on shares; the same file in the same second is told once."""
    spans = spans_of(store, host, naive(start), naive(end))
    if not spans:
        return []
    mine, values = of_addresses("orig", spans)
    found = store.query(
        f"SELECT min(seen_at), action, share, path, max(size) FROM shares WHERE {mine} "
        f"GROUP BY action, share, path, floor(epoch(seen_at)) ORDER BY 1 LIMIT {MOST_EVENTS}",
        values,
    )
    return [
        FileEvent(
            at=aware(at),
            kind=SHARE_KINDS.get(action, "read"),
            path=f"{share}\\{path}" if share else path,
            size=size or 0,
            drive=share,
        )
        for at, action, share, path, size in found
    ]


def _with_sizes(told: list[FileEvent], shared: list[FileEvent]) -> list[FileEvent]:
    """Sizes from the last reading of a file of that name, where the event has none of its own."""
    sizes: dict[str, tuple[datetime, int]] = {}
    result, waiting = [], iter(sorted(shared, key=lambda event: event.at))
    coming = next(waiting, None)
    for event in told:
        while coming and coming.at <= event.at:
            sizes[_name(coming.path)] = (coming.at, coming.size)
            coming = next(waiting, None)
        read = sizes.get(_name(event.path))
        is_copy = event.kind == "created" and not event.size and read and _is_soon(read[0], event.at)
        result.append(replace(event, size=read[1]) if is_copy and read else event)
    return result


def _is_soon(read_at: datetime, written_at: datetime) -> bool:
    return written_at - read_at <= timedelta(minutes=COPY_MINUTES)


def _name(path: str) -> str:
    return path.rsplit("\\", 1)[-1].lower()
