"""How a row of Defender's event tables reads as a value object of capabilities.py."""

import json
from typing import Any

from secops.connectors import microsoft_kql as kql
from secops.connectors.capabilities.devices import ProcessFact
from secops.connectors.capabilities.files import FileEvent, RemovableMedia
from secops.connectors.capabilities.identity import SignIn
from secops.connectors.microsoft_kql import Row, word

LOGON_KINDS = {
    "interactive": "interactive",
    "cachedinteractive": "interactive",
    "unlock": "interactive",
    "cachedunlock": "interactive",
    "remoteinteractive": "remote",
    "cachedremoteinteractive": "remote",
    "service": "service",
    "batch": "service",
}
FILE_KINDS = {"FileCreated": "created", "FileModified": "written", "FileRenamed": "written", "FileDeleted": "deleted"}
NOT_PEOPLE = {"window manager", "font driver host"}


def sign_in(row: Row) -> SignIn | None:
    """A person's or service's logon; None for Windows' own helper accounts."""
    at, login = kql.time_of(row), word(row, "AccountName").lower()
    if at is None or not login or login.endswith("$") or word(row, "AccountDomain").lower() in NOT_PEOPLE:
        return None
    return SignIn(
        login=login,
        device=kql.short(word(row, "DeviceName")),
        started_at=at,
        address=word(row, "RemoteIP"),
        kind=LOGON_KINDS.get(word(row, "LogonType").lower(), ""),
    )


def process_fact(event: Row, start: Row | None, signers: dict[str, str]) -> ProcessFact | None:
    """The program that caused an event; `start` is its own start, where that was logged. `signers`: SHA-1 to name.

    The grandparent stands in the start's row by name, so that no further call is spent on its path.
    """
    own = start or {}
    if start is None:
        parents = [word(event, "InitiatingProcessParentFileName")]
    else:
        parents = [kql.path_of(own, "InitiatingProcess"), word(own, "InitiatingProcessParentFileName")]
    at = kql.time_of(own) or kql.time_of(event)
    if at is None:
        return None
    signer = signers.get((word(own, "SHA1") or word(event, "InitiatingProcessSHA1")).lower())
    return ProcessFact(
        at=at,
        image=kql.path_of(event, "InitiatingProcess") or kql.path_of(own),
        command_line=word(event, "InitiatingProcessCommandLine") or word(own, "ProcessCommandLine"),
        user=(word(own, "AccountName") or word(event, "InitiatingProcessAccountName")).lower(),
        pid=kql.number(event, "InitiatingProcessId"),
        parents=[parent for parent in parents if parent],
        parent_command_line=word(own, "InitiatingProcessCommandLine"),
        signer=signer or "",
        is_signed=None if signer is None else bool(signer),
        sha256=word(event, "InitiatingProcessSHA256") or word(own, "SHA256"),
    )


def start_of(event: Row, starts: list[Row]) -> Row | None:
    """The latest start, not after the event, of the event's program: numbers are used again, so the name must fit."""
    at, name = kql.time_of(event), word(event, "InitiatingProcessFileName").lower()
    for start in starts:  # newest first
        began = kql.time_of(start)
        is_same = word(start, "ProcessId") == word(event, "InitiatingProcessId")
        is_named = not name or word(start, "FileName").lower() == name
        if is_same and is_named and (at is None or began is None or began <= at):
            return start
    return None


def file_event(row: Row, *, is_removable: bool) -> FileEvent | None:
    at, path = kql.time_of(row), kql.path_of(row)
    if at is None or not path:
        return None
    drive = path[:2] if is_removable else ""
    if path.startswith("\\\\"):
        drive = "\\".join(path.split("\\")[:4])
    kind = FILE_KINDS.get(word(row, "ActionType"), "written")
    return FileEvent(
        at=at,
        kind="copied" if is_removable and kind == "created" else kind,
        path=path,
        size=kql.number(row, "FileSize"),
        user=word(row, "RequestAccountName", "InitiatingProcessAccountName").lower(),
        process=kql.path_of(row, "InitiatingProcess"),
        drive=drive,
        sha256=word(row, "SHA256"),
        origin=word(row, "PreviousFolderPath", "FileOriginUrl"),
    )


def removable(row: Row) -> RemovableMedia | None:
    at, fields = kql.time_of(row), additional(row)
    if at is None:
        return None
    name = " ".join(str(fields[part]) for part in ("Manufacturer", "ProductName") if fields.get(part))
    return RemovableMedia(
        at=at,
        serial=str(fields.get("SerialNumber") or ""),
        name=name or str(fields.get("Volume") or ""),
        drive=str(fields.get("DriveLetter") or "").rstrip("\\"),
        user=word(row, "AccountName", "InitiatingProcessAccountName").lower(),
    )


def key_tail(key: str) -> str:
    """A registry key without its hive and user, which every product spells its own way; starts with a backslash."""
    parts = [part for part in key.strip("\\").split("\\") if part]
    if parts and parts[0].upper().startswith(("HK", "REGISTRY")):
        parts = parts[1:]
    if parts and parts[0].upper() in {"MACHINE", "USER"}:
        parts = parts[1:]
    if parts and parts[0].upper().startswith("S-1-"):
        parts = parts[1:]
    return "\\" + "\\".join(parts) if parts else ""


def additional(row: Row) -> dict[str, Any]:
    """AdditionalFields, a JSON text or an object."""
    fields = row.get("AdditionalFields") or {}
    if isinstance(fields, str):
        try:
            fields = json.loads(fields)
        except (ValueError, RecursionError):
            return {}
    return fields if isinstance(fields, dict) else {}
