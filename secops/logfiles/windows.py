"""Windows and Sysmon events in any of their JSON shapes, as rows of the table `events`."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode

SYSMON = {1, 3, 7, 11, 12, 13, 14, 23, 26}
SECURITY = {1102, 4624, 4634, 4647, 4663, 4688, 4697, 4698, 4702, 4720, 4722, 4726, 4728, 4732, 4738, 5145, 6416}
OTHERS = {
    2,
    19,
    104,
    1033,
    1034,
    7045,
    11707,
    11724,
}  # Setup, WindowsUpdateClient, Eventlog, MsiInstaller, services
KNOWN = SYSMON | SECURITY | OTHERS
MESSAGE_LENGTH = 400
LARGEST = 2**53  # beyond it a number is a mistake, or meant to break readers

COLUMNS: dict[str, tuple[str, ...]] = {  # column: names in the event, lower case, first one set wins
    "image": ("image", "newprocessname", "processname"),
    "command_line": ("commandline",),
    "account": ("user", "subjectusername", "targetusername", "accountname"),
    "guid": ("processguid",),
    "parent_image": ("parentimage", "parentprocessname"),
    "parent_command_line": ("parentcommandline",),
    "parent_guid": ("parentprocessguid",),
    "target": ("targetobject", "targetfilename", "objectname", "servicename", "taskname", "imageloaded"),
    "value": ("details", "newname", "servicefilename", "imagepath", "taskcontent"),
    "action": ("eventtype", "accessmask"),
    "signer": ("signature",),
    "peer": ("destinationip",),
    "peer_port": ("destinationport",),
    "peer_name": ("destinationhostname",),
    "address": ("sourceip", "ipaddress"),
    "logon": ("targetlogonid",),
    "logon_kind": ("logontype",),
    "device_id": ("deviceid",),
    "device_name": ("devicedescription",),
    "size": ("filesize", "size"),
    "object_kind": ("objecttype",),
    "task": ("task",),
    "original_name": ("originalfilename",),
    "company": ("company",),
    "product": ("product",),
    "description": ("description",),
    "integrity": ("integritylevel",),
    "directory": ("currentdirectory",),
}
HASHES = {"sha256": 64, "sha1": 40, "md5": 32, "imphash": 32}  # hexadecimal digits of each
NUMBERS = {"peer_port", "logon_kind", "size"}
TIMES = ("utctime", "systemtime", "timecreated", "@timestamp", "timegenerated", "eventtime")
UNSET = {"", "-", "null"}


def rows(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The events that some question needs; a line that is no event, or only half of one, is passed over."""
    for line in lines:
        try:
            event = decode(line.strip().rstrip(b","))
        except DecodeError:
            continue
        if isinstance(event, dict) and (row := row_of(event)):
            yield row


def row_of(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """One event as a row, or None when it is of no use here."""
    fields = _flat(event)
    number = _number(_text(fields.get("eventid", fields.get("event_id"))))
    at = _time(fields)
    if number not in KNOWN or at is None or (number == 7 and not _is_own_image(fields)):
        return None
    row: dict[str, Any] = {"seen_at": at, "is_relative": False, "event": number}
    row["host"] = short_name(_first(fields, ("hostname", "computer", "computer_name", "computername")))
    row["provider"] = _first(fields, ("sourcename", "provider_name", "providername", "eventsourcename", "channel"))
    for column, names in COLUMNS.items():
        text = _first(fields, names)
        row[column] = _number(text) if column in NUMBERS else text
    row["pid"] = _number(_first(fields, ("newprocessid", "processid")))
    row |= _hashes(fields)
    row["is_signed"] = _is_signed(fields)
    row["message"] = _first(fields, ("message",))[:MESSAGE_LENGTH]
    _correct(row, number, fields)
    return row


def _correct(row: dict[str, Any], number: int, fields: Mapping[str, Any]) -> None:
    """Where one name means different things in different events."""
    if number in {4624, 4634, 4647} or 4720 <= number <= 4738:
        row["account"] = _first(fields, ("targetusername",)) or row["account"]
    if number == 5145:
        row["target"] = _share_path(row["host"], fields)
    if number == 3 and _first(fields, ("initiated",)).lower() == "false":
        row["peer"], row["address"] = row["address"], row["peer"]
        row["peer_name"] = _first(fields, ("sourcehostname",))
    if number in {1033, 1034, 11707, 11724}:
        row["target"] = _first(fields, ("productname", "param1")) or row["target"]
        row["value"] = _first(fields, ("productversion", "param2"))
    if number in {2, 19}:
        row["target"] = _first(fields, ("updatetitle", "packageidentifier")) or row["target"]


def _share_path(server: str, fields: Mapping[str, Any]) -> str:
    r"""Security 5145 names the share as \\*\contracts and the file within it: \\FS-1\contracts\a\one.pdf."""
    share = _first(fields, ("sharename",)).replace("\\\\*\\", f"\\\\{server.upper()}\\", 1)
    inner = _first(fields, ("relativetargetname",)).strip("\\")
    return f"{share}\\{inner}" if share and inner else ""


def short_name(name: str) -> str:
    """WORKSTATION5.mordor.local is workstation5."""
    return name.split(".")[0].lower()


def _flat(event: Mapping[str, Any]) -> dict[str, Any]:
    """All fields under their lower-case names, whatever nesting the shipper chose."""
    event = _mapping(event.get("_source")) or event
    event = _mapping(event.get("Event")) or event
    shipped = _mapping(event.get("winlog")) or _mapping(event.get("win")) or {}
    system = _mapping(event.get("System")) or _mapping(shipped.get("system")) or {}
    fields = {key.lower(): value for part in (event, shipped, system) for key, value in part.items()}
    for data in (
        event.get("EventData"),
        event.get("UserData"),
        shipped.get("event_data"),
        shipped.get("eventdata"),
    ):
        fields.update(_event_data(data))
    if not _text(fields.get("hostname")) and not _text(fields.get("computer")):
        fields["hostname"] = _text(_mapping(event.get("host")).get("name")) or _text(event.get("host"))
    if provider := _mapping(fields.get("provider")):
        provider = _mapping(provider.get("#attributes")) or provider
        fields["provider_name"] = provider.get("Name") or provider.get("@Name")
    return fields


def _event_data(data: Any) -> dict[str, Any]:
    """{"TargetObject": ...}, or Data as a list of {"@Name", "#text"}, or as unnamed texts (param1, ...)."""
    if isinstance(data, list):
        data = {"Data": data}
    fields = {key.lower(): value for key, value in _mapping(data).items()}
    listed = fields.pop("data", None)
    if isinstance(listed, list):
        for number, item in enumerate(listed, start=1):
            name = _mapping(item).get("@Name") or _mapping(item).get("Name") or f"param{number}"
            fields[str(name).lower()] = item
    return fields


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("#text", value.get("value", value.get("text", "")))
    if value is None or isinstance(value, list | dict):
        return ""
    text = str(value).strip()
    return "" if text.lower() in UNSET else text


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _text(fields.get(name)))), "")


def _number(text: str) -> int | None:
    try:
        number = int(text, 16) if text[:2].lower() == "0x" else int(text)
    except ValueError:
        return None
    return number if abs(number) < LARGEST else None


def _hashes(fields: Mapping[str, Any]) -> dict[str, str]:
    """Sysmon writes SHA256=...,IMPHASH=... into one field; some shippers split it up."""
    together = _first(fields, ("hashes", "hash"))
    found = {}
    for name, digits in HASHES.items():
        match = re.search(rf"\b{name}=([0-9A-F]{{{digits}}})\b", together, re.IGNORECASE)
        found[name] = match[1].lower() if match else _first(fields, (name,)).lower()
    return found


def _is_own_image(fields: Mapping[str, Any]) -> bool:
    """Sysmon 7 is kept where a program loads itself: it says who signed it. Libraries would fill the disk."""
    return _text(fields.get("image")).lower() == _text(fields.get("imageloaded")).lower()


def _is_signed(fields: Mapping[str, Any]) -> bool | None:
    """Signed and, where it is said, with a signature that is valid; None when the event does not say."""
    signed = _first(fields, ("signed",)).lower()
    status = _first(fields, ("signaturestatus",)).lower()
    if not signed:
        return None
    return signed == "true" and status in {"", "valid"}


def _time(fields: Mapping[str, Any]) -> str | None:
    """ISO text in UTC without a zone. Sysmon's own UtcTime first: shippers' times are at times local ones."""
    for name in TIMES:
        value = fields.get(name)
        if isinstance(value, dict):
            value = _mapping(value.get("#attributes", value))
            value = value.get("SystemTime") or value.get("@SystemTime") or ""
        if at := _parsed(_text(value)):
            return at
    return None


def _parsed(text: str) -> str | None:
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.replace(tzinfo=None).isoformat(sep=" ")
