"""What Windows itself wrote down: event logs and the registry's places where a program starts by itself."""

import json
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pyregf
from evtx import PyEvtxParser

from enrichment.forensics.notebook import Notebook, stamp
from secops.hunting.places import is_writable

MOST_RECORDS = 300_000  # of one event log
MOST_TOLD = 40  # events of one log
MOST_KEYS = 5_000  # services of one hive
LOGON_TYPES = {"3": "over the network", "10": "by remote desktop"}
MEANINGS = {  # event: what it says of an attacker, and the fields that say it (Microsoft's audit event reference)
    1102: ("The security log was cleared", ("SubjectUserName",)),
    104: ("An event log was cleared", ("SubjectUserName", "Channel")),
    4624: ("Signed in", ("TargetUserName", "IpAddress", "LogonType")),
    4688: ("Program started", ("NewProcessName", "CommandLine", "SubjectUserName")),
    4697: ("Service installed", ("ServiceName", "ServiceFileName")),
    4698: ("Scheduled task created", ("TaskName", "SubjectUserName")),
    4720: ("Account created", ("TargetUserName", "SubjectUserName")),
    4732: ("Added to a local group", ("MemberSid", "TargetUserName")),
    7045: ("Service installed", ("ServiceName", "ImagePath")),
}
ALWAYS = frozenset({104, 1102, 4697, 4698, 4720, 4732, 7045})
SUSPECT_WORDS = ("powershell", " -enc", "rundll32", "regsvr32", "mshta", "certutil", "vssadmin", "wmic", "\\temp\\")
AUTORUNS = (
    "Microsoft\\Windows\\CurrentVersion\\Run",
    "Microsoft\\Windows\\CurrentVersion\\RunOnce",
    "Microsoft\\Windows\\CurrentVersion\\Policies\\Explorer\\Run",
    "Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Run",
)


def is_artefact(start: bytes | bytearray) -> bool:
    return start.startswith((b"ElfFile\0", b"regf"))


def read(name: str, content: bytes, notebook: Notebook) -> None:
    """Event logs and hives are known by their first bytes; whatever else it is, nothing is done."""
    if not is_artefact(content):
        return
    reader = _event_log if content.startswith(b"ElfFile\0") else _hive
    try:
        reader(name, content, notebook)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        notebook.limit(f"{name} looks like a Windows artefact and could not be read: {type(error).__name__}")


def _event_log(name: str, content: bytes, notebook: Notebook) -> None:
    counts: Counter[int] = Counter()
    told = 0
    for event in _events(name, content, notebook):
        number, fields = event["number"], event["fields"]
        counts[number] += 1
        if told < MOST_TOLD and _is_worth(number, fields):
            told += 1
            meaning, names = MEANINGS[number]
            said = ", ".join(_value(one, fields[one]) for one in names if fields.get(one) not in {None, "", "-"})
            at = event["at"]
            notebook.event(at, f"{meaning}: {said or 'no details'} ({name}, event {number})")
            if number in ALWAYS:
                notebook.note(f"Event {number} of {name}", [meaning], at=at, details=said[:600])
    rows = [
        [str(number), MEANINGS[number][0], str(count)] for number, count in sorted(counts.items()) if number in MEANINGS
    ]
    notebook.table(f"Events of {name}"[:64], ["Event", "Meaning", "Count"], rows)
    notebook.fact("Event log", f"{name}: {sum(counts.values())} records")


def _events(name: str, content: bytes, notebook: Notebook) -> Iterator[dict[str, Any]]:
    for count, record in enumerate(PyEvtxParser(BytesIO(content)).records_json()):
        if record is None or isinstance(record, Exception):
            notebook.limit(f"Records of {name} are damaged.")
            continue
        if count >= MOST_RECORDS or (count % 1_000 == 0 and notebook.is_late):
            notebook.limit(f"{name} has more records than were read.")
            return
        event = json.loads(record["data"]).get("Event") or {}
        system = event.get("System") or {}
        number = system.get("EventID")
        number = number.get("#text") if isinstance(number, dict) else number
        at = str(record["timestamp"])[:19].replace(" ", "T") + "Z"
        yield {"number": int(number or 0), "fields": _fields(event), "at": at if len(at) == 20 else None}


def _value(name: str, value: Any) -> str:
    return LOGON_TYPES.get(str(value), f"logon type {value}") if name == "LogonType" else str(value)


def _fields(event: dict[str, Any]) -> dict[str, Any]:
    """EventData is flat; UserData has one more level with a name of its own."""
    found = event.get("EventData") or event.get("UserData") or {}
    inner = [one for one in found.values() if isinstance(one, dict)]
    return found | (inner[0] if inner else {})


def _is_worth(number: int, fields: dict[str, Any]) -> bool:
    if number in ALWAYS:
        return True
    if number == 4624:
        return str(fields.get("LogonType")) in LOGON_TYPES and fields.get("IpAddress") not in {
            None,
            "-",
            "::1",
            "127.0.0.1",
        }
    if number == 4688:
        started = f"{fields.get('NewProcessName')} {fields.get('CommandLine')}".lower()
        return any(word in started for word in SUSPECT_WORDS)
    return False


def _hive(name: str, content: bytes, notebook: Notebook) -> None:
    hive = pyregf.file()
    hive.open_file_object(BytesIO(content))
    root = hive.get_root_key()
    if root is None:
        notebook.limit(f"{name} is a registry hive without a root.")
        return
    for where in AUTORUNS:
        for path in (where, f"Software\\{where}"):
            _autorun(name, path, root.get_sub_key_by_path(path), notebook)
    for number in ("001", "002"):
        services = root.get_sub_key_by_path(f"ControlSet{number}\\Services")
        if services is not None:
            _services(name, services, notebook)
    notebook.fact("Registry hive", name)


def _autorun(name: str, path: str, key: Any, notebook: Notebook) -> None:
    if key is None:
        return
    at = _written(key)
    for value in key.values:
        command = _text(value)
        notebook.note(f"{name}: {path}\\{value.get_name()}", ["Starts by itself"], at=at, details=command[:600])
        if is_writable(command):
            notebook.event(at, f"Starts by itself since: {value.get_name()} = {command} ({name}, {path})")
            notebook.see("registry_key", f"{path}\\{value.get_name()}", "registry")


def _services(name: str, services: Any, notebook: Notebook) -> None:
    for count, service in enumerate(services.sub_keys):
        if count >= MOST_KEYS:
            notebook.limit(f"{name} has more services than were read.")
            return
        image = service.get_value_by_name("ImagePath")
        command = _text(image) if image is not None else ""
        if is_writable(command):
            at = _written(service)
            notebook.note(
                f"{name}: service {service.get_name()}", ["Service in a writable place"], at=at, details=command[:600]
            )
            notebook.event(at, f"Service {service.get_name()} runs {command} ({name})")


def _written(key: Any) -> str | None:
    """FILETIME: 100 nanoseconds since 1601."""
    return stamp(key.get_last_written_time_as_integer() / 10_000_000 - 11_644_473_600)


def _text(value: Any) -> str:
    try:
        return str(value.get_data_as_string() or "")
    except OSError:  # a value of another type
        return ""
