"""What a Windows event names: processes, files, registry, addresses, accounts, storage devices."""

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import device, distinct, person
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.windows_records import WindowsRecord

_SIMPLE = {
    "image": (ObservableKind.PROCESS, Role.PROCESS),
    "newprocessname": (ObservableKind.PROCESS, Role.PROCESS),
    "processname": (ObservableKind.PROCESS, Role.PROCESS),
    "process name": (ObservableKind.PROCESS, Role.PROCESS),
    "sourceimage": (ObservableKind.PROCESS, Role.PROCESS),
    "targetimage": (ObservableKind.PROCESS, Role.PROCESS),
    "application": (ObservableKind.PROCESS, Role.PROCESS),
    "commandline": (ObservableKind.COMMAND_LINE, Role.PROCESS),
    "processcommandline": (ObservableKind.COMMAND_LINE, Role.PROCESS),
    "parentimage": (ObservableKind.PROCESS, Role.PROCESS),
    "parentprocessname": (ObservableKind.PROCESS, Role.PROCESS),
    "parent commandline": (ObservableKind.COMMAND_LINE, Role.PROCESS),
    "target commandline": (ObservableKind.COMMAND_LINE, Role.PROCESS),
    "involved file": (ObservableKind.FILE_PATH, Role.FILE),
    "parentcommandline": (ObservableKind.COMMAND_LINE, Role.PROCESS),
    "targetfilename": (ObservableKind.FILE_PATH, Role.FILE),
    "imageloaded": (ObservableKind.FILE_PATH, Role.FILE),
    "imagepath": (ObservableKind.FILE_PATH, Role.FILE),
    "servicefilename": (ObservableKind.FILE_PATH, Role.FILE),
    "relativetargetname": (ObservableKind.FILE_PATH, Role.FILE),
    "queryname": (ObservableKind.DOMAIN, Role.DESTINATION),
    "destinationhostname": (ObservableKind.DOMAIN, Role.DESTINATION),
}
NOBODY = "S-1-0-0"
_HASHES = ("hashes", "hash", "configurationfilehash")
_KEY_EVENTS = {"createkey", "deletekey", "renamekey"}


def read_people(record: WindowsRecord) -> tuple[NormalPerson, ...]:
    """The one who did it and the one it was done to."""
    return distinct(
        [
            person(record.text("user", "sourceuser", "detection user")),
            person(
                record.text("subjectusername"),
                domain=record.text("subjectdomainname"),
                sid=record.text("subjectusersid"),
            ),
            person(
                record.text("targetusername"),
                domain=record.text("targetdomainname"),
                sid=_target_sid(record),
                role="target",
            ),
            person(record.text("targetuser"), role="target"),
        ]
    )


def _target_sid(record: WindowsRecord) -> str:
    """The SID of a sign-in that failed is nobody's (S-1-0-0), though its name is known."""
    sid = record.text("targetusersid", "targetsid")
    return "" if sid.upper() == NOBODY else sid


def read_record_flow(record: WindowsRecord) -> NormalFlow | None:
    """The connection of Sysmon 3, of the filtering platform, or the far end of a sign-in."""
    return read_flow(
        Document(dict(record.data)),
        src_ip=("sourceip", "sourceaddress", "ipaddress", "clientaddress"),
        src_port=("sourceport", "ipport", "clientport"),
        dst_ip=("destinationip", "destaddress", "destinationaddress"),
        dst_port=("destinationport", "destport"),
        proto=("protocol",),
    )


def read_device(record: WindowsRecord, flow: NormalFlow | None) -> NormalDevice | None:
    """The computer that wrote the event, with its own end of a Sysmon connection as its address."""
    own = ""
    if flow and record.is_sysmon:
        own = flow.dst_ip if record.text("initiated") == "false" else flow.src_ip
    return device(record.computer, ip=own)


def read_record_observables(record: WindowsRecord, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    for name, (kind, role) in _SIMPLE.items():
        found.add(kind, record.text(name), role)
    for name in _HASHES:
        found.add_hash_list(record.text(name))
    for answer in record.text("queryresults")[:4000].split(";"):
        found.add(ObservableKind.IP, answer, Role.DESTINATION)
    _add_object(found, record)
    _add_registry(found, record)
    _add_storage(found, record)
    for one in read_people(record):
        found.add(ObservableKind.USER, f"{one.domain}\\{one.login}" if one.domain else one.login, Role.ACCOUNT)
    return found.all()


def _add_object(found: Observables, record: WindowsRecord) -> None:
    """What was opened, and what Defender found (`file:_C:\\...; containerfile:_...`) or stopped (a path)."""
    name = record.text("objectname")
    if record.text("objecttype").casefold() == "key":
        found.add(ObservableKind.REGISTRY_KEY, name, Role.REGISTRY)
    elif name:
        found.add(ObservableKind.FILE_PATH, name, Role.FILE)
    for part in record.text("path")[:4000].split("; "):
        kind, underscore, path = part.partition(":_")
        if underscore and kind.strip().casefold() in {"file", "containerfile"}:
            found.add(ObservableKind.FILE_PATH, path.partition("->")[0], Role.FILE)
        elif part[1:3] == ":\\":
            found.add(ObservableKind.FILE_PATH, part, Role.FILE)


def _add_registry(found: Observables, record: WindowsRecord) -> None:
    target, details = record.text("targetobject"), record.text("details")[:300]
    if target and record.event_id == 12 and record.text("eventtype").casefold() in _KEY_EVENTS:
        found.add(ObservableKind.REGISTRY_KEY, target, Role.REGISTRY)
    elif target:
        found.add(ObservableKind.REGISTRY_KEY, target.rpartition("\\")[0], Role.REGISTRY)
        found.add(ObservableKind.REGISTRY_VALUE, target, Role.REGISTRY, note=details)
    if value := record.text("objectvaluename"):
        path = f"{record.text('objectname')}\\{value}"
        found.add(ObservableKind.REGISTRY_VALUE, path, Role.REGISTRY, note=record.text("newvalue")[:300])


def _add_storage(found: Observables, record: WindowsRecord) -> None:
    """The device of 6416: `USBSTOR\\Disk&Ven_X&Prod_Y\\SERIAL&0`; a serial that Windows made up has `&` second."""
    identity = record.text("deviceid") if record.event_id in {6416, 6419, 6423} else ""
    if not identity:
        return
    serial = identity.rpartition("\\")[2]
    is_made_up = serial[1:2] == "&" or not serial.strip("0&")
    note = record.text("devicedescription")[:300]
    if identity.upper().startswith("USB") and not is_made_up:
        found.add(ObservableKind.SERIAL, serial.partition("&")[0], note=note)
    found.add(ObservableKind.OTHER, identity, tags=("device-id",), note=note)
