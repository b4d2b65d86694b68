"""The hunting query language (KQL), as far as the Microsoft connectors speak it: quoting, device, window, reading."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from secops.connectors.capabilities.identity import Host

Row = dict[str, Any]


def text(value: str) -> str:
    """A verbatim string literal: only the quote mark means anything in it, and it is doubled."""
    clean = "".join(one for one in value if one.isprintable())
    return '@"' + clean.replace('"', '""') + '"'


def texts(values: Iterable[str]) -> str:
    """A list for `in` and `in~`."""
    return "(" + ", ".join(text(value) for value in values) + ")"


def moment(at: datetime) -> str:
    return f"datetime({at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')})"


def within(start: datetime, end: datetime) -> str:
    return f"Timestamp between ({moment(start)} .. {moment(end)})"


def on_device(host: Host) -> str:
    """The device by the EDR's id, else by name with or without its domain; "" when the host has neither.

    Never by address: an address may have belonged to another device at that time.
    """
    if host.agent_id:
        return f"DeviceId == {text(host.agent_id)}"
    if host.name:
        return f"(DeviceName =~ {text(host.name)} or DeviceName startswith {text(host.name + '.')})"
    return ""


def time_of(row: Row, name: str = "Timestamp") -> datetime | None:
    """A column as an aware time; None when it is empty or no time."""
    try:
        at = datetime.fromisoformat(str(row.get(name) or ""))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def word(row: Row, *names: str) -> str:
    """The first of the columns that holds something, as text."""
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), "")


def number(row: Row, name: str) -> int:
    try:
        return int(row.get(name) or 0)
    except (TypeError, ValueError):
        return 0


def short(device_name: str) -> str:
    """The host name without its domain, in upper case as Windows shows it."""
    return device_name.split(".")[0].upper()


def path_of(row: Row, prefix: str = "") -> str:
    """Folder and file name as one path; in some tables the folder column holds the name already."""
    folder, name = word(row, f"{prefix}FolderPath"), word(row, f"{prefix}FileName")
    if not folder or not name or folder.lower().endswith(name.lower()):
        return folder or name
    return folder.rstrip("\\/") + ("/" if "/" in folder else "\\") + name
