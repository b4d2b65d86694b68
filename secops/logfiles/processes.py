"""Which program did it: from Sysmon's process, network and registry events, with the chain of parents."""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from secops.connectors.capabilities.devices import ProcessFact
from secops.connectors.capabilities.identity import Host
from secops.logfiles.clock import aware, naive
from secops.logfiles.leases import lease_book
from secops.logfiles.store import LogStore
from secops.logfiles.windows import short_name
from secops.networks import is_address

MOST_PROCESSES = 50
MOST_PARENTS = 10
LONG_ROOTS = (
    ("hkey_local_machine\\", "hklm\\"),
    ("hkey_users\\", "hku\\"),
    ("hkey_current_user\\", "hkcu\\"),
)


def process_of(store: LogStore, host: Host, peer: str, start: datetime, end: datetime) -> list[ProcessFact]:
    """Programs on the device that connected to the peer (address or name), the first connection's first."""
    condition = "peer = ?" if is_address(peer) else "lower(peer_name) = ?"
    return _programs(store, host, start, end, f"event = 3 AND {condition}", [peer.lower()])


def processes_writing(store: LogStore, host: Host, key: str, start: datetime, end: datetime) -> list[ProcessFact]:
    """Programs on the device that set the registry key or a value below it."""
    wanted = registry_key(key)
    condition = "event IN (12, 13, 14) AND coalesce(action, '') NOT IN ('DeleteKey', 'DeleteValue')"
    condition += f" AND (ends_with({KEY_SQL}, ?) OR contains({KEY_SQL}, ?)) AND starts_with({KEY_SQL}, ?)"
    tail = wanted.removeprefix("hkcu\\")  # Sysmon writes a person's hive as HKU and their SID
    hive = "hku\\" if tail != wanted else wanted.split("\\")[0]
    return _programs(store, host, start, end, condition, [tail, tail + "\\", hive])


def registry_key(key: str) -> str:
    """A key in Sysmon's short form, lower case: hklm\\software\\..."""
    lower = key.lower().rstrip("\\")
    for long, short in LONG_ROOTS:
        lower = lower.replace(long, short, 1) if lower.startswith(long) else lower
    return lower


KEY_SQL = "replace(replace(lower(target), 'hkey_local_machine\\', 'hklm\\'), 'hkey_users\\', 'hku\\')"


def of_host(store: LogStore, host: Host, end: datetime) -> tuple[str, list[Any]]:
    """SQL that holds for the device's own events, and its values."""
    names = lease_book(store).names_of(host, naive(end))
    if not names and host.address:
        found = store.query(  # the last that spoke from it: another device may have had it before
            "SELECT host FROM events WHERE event = 3 AND address = ? AND seen_at <= ? ORDER BY seen_at DESC LIMIT 1",
            [host.address.lower(), naive(end)],
        )
        names = [name for (name,) in found]
    if not names:
        return "FALSE", []
    return f"host IN ({', '.join('?' for _ in names)})", [short_name(name) for name in names]


def _programs(
    store: LogStore, host: Host, start: datetime, end: datetime, condition: str, wanted: list[Any]
) -> list[ProcessFact]:
    mine, values = of_host(store, host, end)
    found = store.query(
        "SELECT min(seen_at), any_value(host), image, guid, pid, any_value(account) FROM events "
        f"WHERE {mine} AND seen_at BETWEEN ? AND ? AND {condition} "
        f"GROUP BY image, guid, pid ORDER BY 1 LIMIT {MOST_PROCESSES}",
        [*values, naive(start), naive(end), *wanted],
    )
    return [_fact(store, *row) for row in found]


def _fact(
    store: LogStore, at: datetime, device: str, image: str, guid: str, pid: int | None, account: str
) -> ProcessFact:
    started = _start_of(store, device, guid, pid, image, at)
    signer, is_signed = _signature(store, device, image)
    return ProcessFact(
        at=aware(at),
        image=image or "",
        command_line=started.get("command_line", ""),
        user=started.get("account", "") or account or "",
        pid=pid or 0,
        parents=_parents(store, device, started),
        parent_command_line=started.get("parent_command_line", ""),
        signer=signer if is_signed else "",
        is_signed=is_signed,
        sha256=started.get("sha256", ""),
    )


STARTED = (
    "guid",
    "image",
    "command_line",
    "account",
    "parent_image",
    "parent_command_line",
    "parent_guid",
    "sha256",
)


def _start_of(store: LogStore, device: str, guid: str, pid: int | None, image: str, before: datetime) -> dict[str, str]:
    """Sysmon event 1 of the process: by its GUID, else the last start of that image under that number."""
    by, values = ("guid = ?", [guid]) if guid else ("pid = ? AND lower(image) = lower(?)", [pid, image])
    found = store.query(
        f"SELECT {', '.join(STARTED)} FROM events WHERE host = ? AND event IN (1, 4688) AND seen_at <= ? AND {by} "
        "ORDER BY seen_at DESC LIMIT 1",
        [device, before, *values],
    )
    return _row(found[0]) if found else {}


def _row(values: Sequence[Any]) -> dict[str, str]:
    return {name: value or "" for name, value in zip(STARTED, values, strict=True)}


def _parents(store: LogStore, device: str, started: dict[str, str]) -> list[str]:
    """Image paths, nearest first, as far as the log knows them."""
    parents: list[str] = []
    seen: set[str] = set()
    while started.get("parent_image") and len(parents) < MOST_PARENTS:
        parents.append(started["parent_image"])
        guid = started["parent_guid"]
        if not guid or guid in seen:
            break
        seen.add(guid)
        found = store.query(
            f"SELECT {', '.join(STARTED)} FROM events WHERE host = ? AND event = 1 AND guid = ? LIMIT 1",
            [device, guid],
        )
        started = _row(found[0]) if found else {}
    return parents


def _signature(store: LogStore, device: str, image: str) -> tuple[str, bool | None]:
    """Who signed the program, by an event that says so (Sysmon 7 of the image itself, or a shipper that adds it)."""
    found = store.query(
        "SELECT signer, is_signed FROM events WHERE host = ? AND is_signed IS NOT NULL "
        "AND ((event = 7 AND lower(target) = lower(?)) OR (event <> 7 AND lower(image) = lower(?))) "
        "ORDER BY seen_at DESC LIMIT 1",
        [device, image, image],
    )
    return (found[0][0] or "", found[0][1]) if found else ("", None)
