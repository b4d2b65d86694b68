"""What a Security Hub finding names: resources, the connection or call, malware, and the product's own fields."""

from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.aws_principals import key_holders
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.flows import add_ends, read_flow
from cases.intake.guardduty_actions import add_action, read_action, read_action_flow
from cases.intake.harvest import harvest
from cases.intake.identities import device, distinct
from cases.intake.observables import Observables
from cases.intake.paths import Document
from secops.networks import is_internal

_GUARDDUTY = "aws/guardduty/"
_HUB = "aws/securityhub/"
_MAX_STEPS = 12  # keys in a slash-key
_INDICATORS = {
    "IPV4_ADDRESS": ObservableKind.IP,
    "IPV6_ADDRESS": ObservableKind.IP,
    "DOMAIN": ObservableKind.DOMAIN,
    "URL": ObservableKind.URL,
    "EMAIL_ADDRESS": ObservableKind.EMAIL,
    "MUTEX": ObservableKind.MUTEX,
    "PROCESS": ObservableKind.PROCESS,
}


class Parts:
    """A finding; what GuardDuty wrote into its slash-keys as the object that it was; the action of either."""

    def __init__(self, finding: Document) -> None:
        self.finding = finding
        self.product = Document(_nested(finding.part("ProductFields").payload, _GUARDDUTY))
        own = Document({"service": {"action": finding.part("Action").payload}})
        self.action = read_action(own)
        if not self.action.payload:
            self.action = read_action(self.product)


def _nested(fields: dict[str, Any], prefix: str) -> dict[str, Any]:
    """`{"p/a/b": 1}` as `{"a": {"b": 1}}`; a key that stands in the way of another wins."""
    found: dict[str, Any] = {}
    for key, value in fields.items():
        steps = key.removeprefix(prefix).split("/")
        if not key.startswith(prefix) or len(steps) > _MAX_STEPS:
            continue
        place: Any = found
        for step in steps[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.setdefault(steps[-1], value)
    return found


def read_asff_flow(parts: Parts) -> NormalFlow | None:
    """The finding's own network, else the action."""
    return read_flow(
        parts.finding,
        src_ip=("Network.SourceIpV4", "Network.SourceIpV6"),
        src_port=("Network.SourcePort",),
        dst_ip=("Network.DestinationIpV4", "Network.DestinationIpV6"),
        dst_port=("Network.DestinationPort",),
        proto=("Network.Protocol",),
        direction=("Network.Direction",),
    ) or read_action_flow(parts.product, parts.action)


def read_instances(finding: Document) -> tuple[NormalDevice, ...]:
    """The instances among the resources, by the id at the end of their ARN; other resources are no devices."""
    found: list[NormalDevice | None] = []
    for one in finding.objects("Resources[Type=AwsEc2Instance]"):
        instance = one.text("Id").rpartition("/")[2]
        addresses = one.texts("Details.AwsEc2Instance.IpV4Addresses")
        inner = next((text for text in addresses if is_internal(text)), "")
        found.append(device(instance, agent_id=instance, is_edr=False, ip=inner or next(iter(addresses), "")))
    return distinct(found)


def read_key_holders(finding: Document) -> tuple[NormalPerson, ...]:
    """Whose keys and which users are among the resources."""
    found: list[NormalPerson | None] = []
    for key in finding.objects("Resources[Type=AwsIamAccessKey].Details.AwsIamAccessKey"):
        name = key.text("PrincipalName", "UserName")
        found += key_holders(key.text("PrincipalType"), name, key.text("PrincipalId"))
    for one in finding.objects("Resources[Type=AwsIamUser]"):
        name = one.text("Details.AwsIamUser.UserName") or one.text("Id").rpartition("/")[2]
        found += key_holders("", name, "")
    return distinct(found)


def read_asff_observables(parts: Parts, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    """Ends, names, files, indicators, keys, resources, CVEs and what the product's own fields hold."""
    found, finding = Observables(), parts.finding
    add_ends(found, flow)
    add_action(found, parts.product, parts.action, flow)
    found.add(ObservableKind.DOMAIN, finding.text("Network.SourceDomain"), Role.SOURCE)
    found.add(ObservableKind.DOMAIN, finding.text("Network.DestinationDomain"), Role.DESTINATION)
    _add_files(found, finding)
    for one in finding.objects("ThreatIntelIndicators"):
        kind, value = one.text("Type"), one.text("Value")
        if kind.startswith("HASH_"):
            found.add_hash(value)
        else:
            found.add(_INDICATORS.get(kind, ObservableKind.OTHER), value, is_indicator=True)
    for text in finding.texts("Vulnerabilities.Id", "Vulnerabilities.RelatedVulnerabilities"):
        found.add(ObservableKind.CVE, text)
    _add_accounts(found, finding)
    for one in finding.objects("Resources"):
        found.add(ObservableKind.OTHER, one.text("Id"), tags=(one.text("Type")[:64] or "resource",))
    _add_own_fields(found, finding.part("ProductFields").payload)
    return found.all()


def _add_files(found: Observables, finding: Document) -> None:
    for path in finding.texts("Malware.Path"):
        found.add(ObservableKind.FILE_PATH, path, Role.FILE)
    for one in finding.objects("Process"):
        found.add(ObservableKind.PROCESS, one.text("Path", "Name"), Role.PROCESS)


def _add_accounts(found: Observables, finding: Document) -> None:
    for key in finding.objects("Resources[Type=AwsIamAccessKey].Details.AwsIamAccessKey"):
        note = key.text("PrincipalType")[:64]
        found.add(ObservableKind.USER, key.text("PrincipalName", "UserName"), Role.ACCOUNT, note=note)
        found.add(ObservableKind.USER, key.text("PrincipalId").partition(":")[2], Role.ACCOUNT, note="session")
        issuer = key.text("SessionContext.SessionIssuer.UserName")
        found.add(ObservableKind.USER, issuer, Role.ACCOUNT, note=key.text("SessionContext.SessionIssuer.Type")[:64])


def _add_own_fields(found: Observables, fields: dict[str, Any]) -> None:
    """The last word of a slash-key tells what it holds; version numbers in the names of programs are no addresses."""
    for key, value in fields.items():
        name = key.rpartition("/")[2]
        if name.casefold() == "useragent":
            found.add(ObservableKind.USER_AGENT, value, Role.SOURCE)
        elif not key.startswith(_HUB):
            harvest(found, {name: value})
