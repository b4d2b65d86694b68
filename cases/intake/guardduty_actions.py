"""What a GuardDuty finding saw: a connection, a call of an API, a name looked up, a port probed, a file, a process."""

from cases.choices import ObservableKind, Role
from cases.intake.absent import is_absent
from cases.intake.base import NormalFlow, NormalObservable
from cases.intake.flows import add_ends, read_flow
from cases.intake.harvest import leaves
from cases.intake.networks import address, port
from cases.intake.observables import Observables
from cases.intake.paths import Document

_ACTIONS = (
    "networkConnectionAction",
    "portProbeAction",
    "awsApiCallAction",
    "kubernetesApiCallAction",
    "rdsLoginAttemptAction",
    "dnsRequestAction",
)
_LOCAL = ("localIpDetails.ipAddressV4", "localIpDetails.ipAddressV6")
_REMOTE = ("remoteIpDetails.ipAddressV4", "remoteIpDetails.ipAddressV6")

_FILES = "service.ebsVolumeScanDetails.scanDetections.threatDetectedByName.threatNames.filePaths"


def read_action(finding: Document) -> Document:
    """The one action of a finding, or an empty one; of a probe of ports the first port that was reached."""
    action = finding.part("service.action")
    found = next((part for name in _ACTIONS if _says_anything(part := action.part(name))), Document({}))
    probes = found.objects("portProbeDetails")
    return Document({**probes[0].payload, "blocked": found.first("blocked")}) if probes else found


def _says_anything(part: Document) -> bool:
    """Some senders keep the actions that it was not, with nothing in them."""
    return any(not is_absent(value) for _, value in leaves(part.payload))


def read_action_flow(finding: Document, action: Document) -> NormalFlow | None:
    """From the one who began it: a connection that the instance received comes from the remote end."""
    if action.first("localPortDetails", "remotePortDetails", "localIpDetails") is None:
        return read_flow(action, src_ip=(*_REMOTE, "sourceIps"), dst_ip=("",))
    own = address(action.text(*_LOCAL) or finding.text("resource.instanceDetails.networkInterfaces.privateIpAddress"))
    remote = address(action.text(*_REMOTE))
    if not own and not remote:
        return None
    here = (own, port(action.first("localPortDetails.port")))
    there = (remote, port(action.first("remotePortDetails.port")))
    (src_ip, src_port), (dst_ip, dst_port) = (there, here) if _is_inbound(finding, action) else (here, there)
    return NormalFlow(
        src_ip=src_ip,
        src_port=src_port,
        dst_ip=dst_ip,
        dst_port=dst_port,
        proto=action.text("protocol").lower()[:32],
        direction=action.text("connectionDirection").lower()[:32],
    )


def _is_inbound(finding: Document, action: Document) -> bool:
    direction = action.text("connectionDirection").upper()
    if direction in {"INBOUND", "OUTBOUND"}:
        return direction == "INBOUND"
    return finding.text("service.resourceRole").upper() == "TARGET"


def read_finding_observables(
    finding: Document, action: Document, flow: NormalFlow | None
) -> tuple[NormalObservable, ...]:
    """Addresses, names, keys, files and processes of a finding."""
    found = Observables()
    add_ends(found, flow)
    add_action(found, finding, action, flow)
    _add_account(found, finding)
    for file in finding.objects(_FILES):
        found.add(ObservableKind.FILE_PATH, file.text("filePath"), Role.FILE)
        found.add_hash(file.text("hash"))
    process = finding.part("service.runtimeDetails.process")
    found.add(ObservableKind.PROCESS, process.text("executablePath", "name"), Role.PROCESS)
    found.add_hash(process.text("executableSha256"), Role.PROCESS)
    for item in finding.objects("resource.s3BucketDetails"):
        found.add(ObservableKind.OTHER, item.text("arn"), tags=("bucket",))
    return found.all()


def add_action(found: Observables, finding: Document, action: Document, flow: NormalFlow | None) -> None:
    """Addresses, names and the program of an action, beside the ends of its flow."""
    is_from_remote = flow is not None and flow.src_ip == address(action.text(*_REMOTE))
    remote = Role.SOURCE if is_from_remote else Role.DESTINATION
    found.add(ObservableKind.ASN, action.text("remoteIpDetails.organization.asn"), remote)
    found.add(ObservableKind.DOMAIN, action.text("domain"), Role.DESTINATION)
    found.add(ObservableKind.USER_AGENT, action.text("userAgent"), Role.SOURCE)
    for text in action.texts("sourceIps"):
        found.add(ObservableKind.IP, text, Role.SOURCE)
    for text in finding.texts("resource.instanceDetails.networkInterfaces.publicIp"):
        found.add(ObservableKind.IP, text, note="public address of the instance")


def _add_account(found: Observables, finding: Document) -> None:
    key = finding.part("resource.accessKeyDetails")
    found.add(ObservableKind.USER, key.text("userName"), Role.ACCOUNT, note=key.text("userType")[:64])
    found.add(ObservableKind.OTHER, key.text("accessKeyId"), Role.ACCOUNT, tags=("access-key",))
    user = finding.text("resource.kubernetesDetails.kubernetesUserDetails.username", "resource.rdsDbUserDetails.user")
    found.add(ObservableKind.USER, user, Role.ACCOUNT)
