"""What changed on a device: registry, services, tasks, installations, patches, accounts, programs dropped."""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

from datetime import datetime
from typing import Any

from secops.connectors.capabilities.devices import Change
from secops.connectors.capabilities.identity import Host
from secops.logfiles.clock import aware, naive
from secops.logfiles.processes import of_host
from secops.logfiles.store import LogStore

MOST_CHANGES = 500
AUTORUN = (  # where Windows starts programs from by itself; MITRE ATT&CK T1547, T1037, T1546
    r"\\currentversion\\(run|runonce|runservices|policies\\explorer\\run)(\\|$)|\\userinitmprlogonscript"
    r"|\\winlogon\\(shell|userinit|notify)|\\image file execution options\\.*\\debugger|\\appinit_dlls"
    r"|\\active setup\\installed components\\.*\\stubpath|\\inprocserver32"
)
SERVICE = r"\\services\\[^\\]+\\(imagepath|parameters\\servicedll|start)$"
TASK = r"\\schedule\\taskcache\\|\\windows\\system32\\tasks\\"
CARRIERS = r"\.(exe|dll|sys|scr|com|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|msi|lnk|iso|img|vhd|vhdx|jar|zip|7z|rar)$"

KIND = f"""CASE
    WHEN event IN (12, 13, 14) AND regexp_matches(lower(target), '{AUTORUN}') THEN 'autorun'
    WHEN event IN (12, 13, 14) AND regexp_matches(lower(target), '{SERVICE}') THEN 'service'
    WHEN event IN (11, 12, 13, 14) AND regexp_matches(lower(target), '{TASK}') THEN 'task'
    WHEN event IN (12, 13, 14) THEN 'registry'
    WHEN event = 11 AND regexp_matches(lower(target), '{CARRIERS}') THEN 'file'
    WHEN event IN (7045, 4697) THEN 'service'
    WHEN event IN (4698, 4702) THEN 'task'
    WHEN event IN (1033, 1034, 11707, 11724) THEN 'install'
    WHEN event = 19 OR (event = 2 AND contains(lower(provider), 'servicing')) THEN 'patch'
    WHEN event BETWEEN 4720 AND 4738 THEN 'account'
    WHEN event IN (1102, 104) THEN 'config'
    WHEN event = 6416 THEN 'removable'
    END"""
WEIGHT = "CASE kind WHEN 'registry' THEN 2 WHEN 'file' THEN 1 ELSE 0 END"  # what is cut first when there is too much
COLUMNS = (
    "seen_at, event, kind, account, image, target, value, action, signer, is_signed, device_name, device_id, message"
)
DONE = {"CreateKey": "created", "DeleteKey": "deleted", "SetValue": "set", "DeleteValue": "deleted"}
TEXTS = {
    "file": "File {target} created",
    "service": "Service {target} installed",
    "task": "Scheduled task {target} made or changed",
    "install": "{target} installed",
    "patch": "Update {target} installed",
    "account": "Account {target} changed",
    "removable": "Device {target} plugged in",
}


def changes(store: LogStore, host: Host, start: datetime, end: datetime) -> list[Change]:
    """Newest first, at most 500; ordinary registry values are left out first when there are more."""
    mine, values = of_host(store, host, end)
    found = store.query(
        f"WITH told AS (SELECT *, {KIND} AS kind FROM events WHERE {mine} AND seen_at BETWEEN ? AND ?) "
        f"SELECT {COLUMNS} FROM told WHERE kind IS NOT NULL ORDER BY {WEIGHT}, seen_at DESC LIMIT {MOST_CHANGES}",
        [*values, naive(start), naive(end)],
    )
    names = COLUMNS.split(", ")
    told = [_change(dict(zip(names, row, strict=True))) for row in found]
    return sorted(told, key=lambda change: change.at, reverse=True)


def _change(row: dict[str, Any]) -> Change:
    kind, target = row["kind"], row["target"] or ""
    if kind == "removable":
        target = row["device_name"] or row["device_id"] or ""
    if kind == "account":
        target = row["account"] or ""
    if not target:
        target = (row["message"] or "").split("\n")[0].strip()
    return Change(
        at=aware(row["seen_at"]),
        kind=kind,
        text=_text(row, target),
        actor=row["account"] or "",
        process=row["image"] or "",
        target=target,
        value=_value(row),
        signer=row["signer"] or "" if row["is_signed"] else "",
    )


def _text(row: dict[str, Any], target: str) -> str:
    """One line in words."""
    if row["event"] in {12, 13, 14}:
        done = DONE.get(row["action"] or "", "changed")
        return f"{'Autorun' if row['kind'] == 'autorun' else 'Registry'} entry {target} {done}"
    if row["event"] in {1034, 11724}:
        return f"{target} removed"
    if row["kind"] == "config":
        return "Event log cleared"
    return TEXTS[row["kind"]].format(target=target)


def _value(row: dict[str, Any]) -> str:
    return row["device_id"] or "" if row["kind"] == "removable" else row["value"] or ""
