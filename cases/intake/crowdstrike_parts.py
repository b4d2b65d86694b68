"""What a detection of CrowdStrike names: its device, people, connections, files and commands."""

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.files import add_file
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.observables import Observables
from cases.intake.paths import Document

_SIMPLE: tuple[tuple[str, str, Role], ...] = (
    ("LocalIP", ObservableKind.IP, Role.SOURCE),
    ("SourceEndpointIpAddress", ObservableKind.IP, Role.SOURCE),
    ("OriginSourceIpAddress", ObservableKind.IP, Role.SOURCE),
    ("CommandLine", ObservableKind.COMMAND_LINE, Role.PROCESS),
    ("ParentCommandLine", ObservableKind.COMMAND_LINE, Role.PROCESS),
    ("GrandParentCommandLine", ObservableKind.COMMAND_LINE, Role.PROCESS),
    ("ParentImageFileName", ObservableKind.PROCESS, Role.PROCESS),
    ("ParentImageFilePath", ObservableKind.PROCESS, Role.PROCESS),
    ("GrandParentImageFileName", ObservableKind.PROCESS, Role.PROCESS),
    ("GrandParentImageFilePath", ObservableKind.PROCESS, Role.PROCESS),
    ("DnsRequests.DomainName", ObservableKind.DOMAIN, Role.DESTINATION),
)
_FILES = ("FilesAccessed", "FilesWritten", "DocumentsAccessed", "ExecutablesWritten")
_INBOUND = "1"


def read_device(event: Document) -> NormalDevice | None:
    """The host of the sensor; an id of zeros only is none."""
    ids = event.texts("AgentIdString", "SensorId", "aid", "AgentId")
    return device(
        event.text("Hostname", "ComputerName", "SourceEndpointHostName"),
        agent_id=next((text for text in ids if text.strip("0-")), ""),
        is_edr=False,
        mac_address=event.text("MACAddress"),
        ip=event.text("LocalIP", "SourceEndpointIpAddress"),
        os=event.text("PlatformName", "Platform"),
    )


def read_people(event: Document) -> tuple[NormalPerson, ...]:
    return distinct(
        [
            person(
                event.text("UserName", "SourceAccountName"),
                domain=event.text("LogonDomain", "SourceAccountDomain"),
                sid=event.text("UserId", "UserSid", "SourceAccountObjectSid"),
                upn=event.text("UserPrincipalName", "SourceAccountUpn"),
            ),
            person(
                event.text("TargetAccountName"),
                domain=event.text("TargetAccountDomain"),
                sid=event.text("TargetAccountObjectSid"),
                upn=event.text("TargetAccountUpn"),
                role="target",
            ),
        ]
    )


def read_network(event: Document) -> NormalFlow | None:
    """The first connection that the process made or took."""
    for seen in event.objects("NetworkAccesses"):
        own, other = ("LocalAddress",), ("RemoteAddress",)
        own_port, other_port = ("LocalPort",), ("RemotePort",)
        is_inbound = seen.text("ConnectionDirection") == _INBOUND
        return read_flow(
            seen,
            src_ip=other if is_inbound else own,
            src_port=other_port if is_inbound else own_port,
            dst_ip=own if is_inbound else other,
            dst_port=own_port if is_inbound else other_port,
            proto=("Protocol",),
        )
    return None


def read_observables(
    event: Document, flow: NormalFlow | None, people: tuple[NormalPerson, ...]
) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    for text in event.texts("NetworkAccesses.RemoteAddress"):
        found.add(ObservableKind.IP, text, Role.DESTINATION)
    for path, kind, role in _SIMPLE:
        for text in event.texts(path):
            found.add(kind, text, role)
    add_file(
        found,
        folder=event.text("FilePath"),
        name=event.text("FileName"),
        digests=event.texts("SHA256String", "SHA1String", "MD5String"),
    )
    for file in event.objects(*_FILES):
        add_file(found, folder=file.text("FilePath"), name=file.text("FileName"))
    for file in event.objects("QuarantineFiles"):
        add_file(found, name=file.text("ImageFileName"), digests=file.texts("SHA256HashData"))
    _add_indicator(found, event)
    found.add(ObservableKind.MAC, event.text("MACAddress"), Role.SOURCE)
    add_people(found, people)
    return found.all()


def _add_indicator(found: Observables, event: Document) -> None:
    """`IOCType` says what `IOCValue` is."""
    kind, value = event.text("IOCType").casefold(), event.text("IOCValue")
    if kind.startswith("registry"):
        found.add(ObservableKind.REGISTRY_KEY, value, Role.REGISTRY)
    elif kind.startswith("hash"):
        found.add_hash(value)
    elif kind in {"domain", "ipv4", "ipv6"}:
        found.add_host(value, Role.DESTINATION)
    elif kind in {"filename", "filepath"}:
        add_file(found, name=value)
