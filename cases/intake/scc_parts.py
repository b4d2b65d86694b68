"""What a finding of Security Command Center names: instances, principals, connections, indicators."""

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.flows import add_ends, read_flow
from cases.intake.harvest import harvest, leaves
from cases.intake.identities import device, distinct, person
from cases.intake.names import email
from cases.intake.observables import Observables
from cases.intake.paths import Document

_INSTANCES = "/instances/"
_MACHINES = (".gserviceaccount.com", "@cloudservices.gserviceaccount.com")
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp"}
_OLD = "sourceProperties.properties"
_MAX_PRINCIPALS = 20


def read_scc_device(finding: Document) -> NormalDevice | None:
    """The instance of the finding; a project, a bucket or a rule of a firewall is no device."""
    paths = ("resourceName", "resource.name", f"{_OLD}.instanceDetails")
    path = next((text for text in finding.texts(*paths) if _INSTANCES in text), "")
    own = path.removeprefix("//compute.googleapis.com").strip("/")
    return device(own.rpartition("/")[2], agent_id=own, is_edr=False)


def read_principals(finding: Document) -> tuple[NormalPerson, ...]:
    """Who did it, wherever the source wrote it; accounts of services are no people."""
    return distinct([person(one) for one in _principals(finding) if not one.endswith(_MACHINES)])


def _principals(finding: Document) -> list[str]:
    sent = [finding.text("access.principalEmail", "access.principalSubject")]
    sent += [
        value
        for key, value in leaves(finding.part("sourceProperties").payload)
        if key.casefold() == "principalemail" and isinstance(value, str)
    ]
    found = (email(text.removeprefix("user:").removeprefix("serviceAccount:")) for text in sent)
    return list(dict.fromkeys(one for one in found if one))[:_MAX_PRINCIPALS]


def read_scc_flow(finding: Document) -> NormalFlow | None:
    """The first connection, else the caller, else the first that tried to sign in."""
    connection = finding.part("connections") if finding.objects("connections") else finding.part(f"{_OLD}.ipConnection")
    number = connection.text("protocol")
    found = read_flow(
        Document({**connection.payload, "protocol": _PROTOCOLS.get(number, number)}),
        src_ip=("sourceIp", "srcIp"),
        src_port=("sourcePort", "srcPort"),
        dst_ip=("destinationIp", "destIp"),
        dst_port=("destinationPort", "destPort"),
        proto=("protocol",),
    )
    callers = ("access.callerIp", f"{_OLD}.attempts.sourceIp", f"{_OLD}.loginAttempts.sourceIp")
    return found or read_flow(finding, src_ip=callers, dst_ip=("",))


def read_scc_observables(finding: Document, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    """Ends, indicators, principals, files and processes, the resource, and what older sources hold in properties."""
    found = Observables()
    add_ends(found, flow)
    for path, kind in (
        ("indicator.ipAddresses", ObservableKind.IP),
        ("indicator.domains", ObservableKind.DOMAIN),
        ("indicator.uris", ObservableKind.URL),
    ):
        for text in finding.texts(path):
            found.add(kind, text, Role.DESTINATION, is_indicator=True)
    found.add(ObservableKind.USER_AGENT, finding.text("access.userAgent"), Role.SOURCE)
    for one in _principals(finding):
        found.add(ObservableKind.USER, one, Role.ACCOUNT)
    _add_files(found, finding)
    found.add(ObservableKind.CVE, finding.text("vulnerability.cve.id"))
    resource = finding.text("resourceName", "resource.name")
    found.add(ObservableKind.OTHER, resource, tags=(finding.text("resource.type")[:64] or "resource",))
    # Misconfigurations write ranges and advice beside `properties`, which are nobody's addresses.
    harvest(found, finding.part(_OLD).payload)
    return found.all()


def _add_files(found: Observables, finding: Document) -> None:
    for process in finding.objects("processes"):
        found.add(ObservableKind.PROCESS, process.text("binary.path", "name"), Role.PROCESS)
        found.add_hash(process.text("binary.sha256"), Role.PROCESS)
    for file in finding.objects("files"):
        found.add(ObservableKind.FILE_PATH, file.text("path"), Role.FILE)
        found.add_hash(file.text("sha256"))
