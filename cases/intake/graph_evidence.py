"""The evidence of a Microsoft Graph alert: devices, people, addresses, files, processes, registry, mail."""

from dataclasses import dataclass
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.files import add_file
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.networks import address, port
from cases.intake.observables import Observables
from cases.intake.paths import Document

_ROLES = {"source": Role.SOURCE, "destination": Role.DESTINATION, "attacker": Role.SOURCE}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One item: what it is (`device`, `user`, `ip`, ...) and its fields."""

    kind: str
    fields: Document

    def text(self, *paths: str) -> str:
        return self.fields.text(*paths)

    def texts(self, *paths: str) -> list[str]:
        return self.fields.texts(*paths)

    @property
    def role(self) -> Role | None:
        words = (word.casefold() for word in self.texts("roles", "detailedRoles"))
        return next((_ROLES[word] for word in words if word in _ROLES), None)


def read_evidence(alert: Document) -> list[Evidence]:
    return [Evidence(_kind(item.payload), item) for item in alert.objects("evidence")]


def type_name(payload: dict[str, Any]) -> str:
    """The value of `@odata.type`, whatever the exporter calls the key (`at_sign_odata_type`)."""
    keys = (key for key in payload if key.lower().replace("_", ".").endswith("odata.type"))
    return next((named for key in keys if isinstance(named := payload[key], str)), "")


def _kind(payload: dict[str, Any]) -> str:
    """`device` from `#microsoft.graph.security.deviceEvidence`."""
    return type_name(payload).rpartition(".")[2].removesuffix("Evidence").lower()


def read_devices(evidence: list[Evidence]) -> tuple[NormalDevice, ...]:
    return distinct(
        [
            device(
                item.text("deviceDnsName", "hostName"),
                agent_id=item.text("mdeDeviceId"),
                directory_id=item.text("azureAdDeviceId"),
                ip=item.text("lastIpAddress", "ipInterfaces"),
                os=item.text("osPlatform"),
            )
            for item in evidence
            if item.kind == "device"
        ]
    )


def read_people(evidence: list[Evidence]) -> tuple[NormalPerson, ...]:
    """Users of the evidence and those signed in on its devices."""
    found: list[NormalPerson | None] = []
    for item in evidence:
        if item.kind in {"user", "process", "mailbox"}:
            found += [_account(account, "actor") for account in item.fields.objects("userAccount")]
        for account in item.fields.objects("loggedOnUsers") if item.kind == "device" else ():
            found.append(_account(account, "logged_on"))
    return distinct(found)


def _account(account: Document, role: str) -> NormalPerson | None:
    return person(
        account.text("accountName"),
        domain=account.text("domainName"),
        sid=account.text("userSid"),
        upn=account.text("userPrincipalName"),
        directory_id=account.text("azureAdUserId"),
        role=role,
    )


def read_evidence_flow(evidence: list[Evidence]) -> NormalFlow | None:
    """The connection that the evidence names, or its addresses by role."""
    for item in evidence:
        if item.kind in {"networkconnection", "network"}:
            return NormalFlow(
                src_ip=address(item.text("sourceAddress.ipAddress", "sourceAddress")),
                src_port=port(item.fields.first("sourcePort")),
                dst_ip=address(item.text("destinationAddress.ipAddress", "destinationAddress")),
                dst_port=port(item.fields.first("destinationPort")),
                proto=item.text("protocol").lower()[:32],
            )
    ends = [(item.role, address(item.text("ipAddress"))) for item in evidence if item.kind == "ip"]
    source = next((ip for role, ip in ends if role == Role.SOURCE), "")
    destination = next((ip for role, ip in ends if role != Role.SOURCE and ip != source), "")
    return NormalFlow(src_ip=source, dst_ip=destination) if source or destination else None


def read_evidence_observables(evidence: list[Evidence]) -> tuple[NormalObservable, ...]:
    found = Observables()
    for item in evidence:
        other = item.role or Role.DESTINATION
        _add_network(found, item, other)
        for file in item.fields.objects("fileDetails", "imageFile"):
            digests = file.texts("sha256", "sha1", "md5")
            add_file(found, folder=file.text("filePath"), name=file.text("fileName"), digests=digests)
        found.add(ObservableKind.COMMAND_LINE, item.text("processCommandLine"), Role.PROCESS)
        _add_registry(found, item)
        _add_mail(found, item)
    add_people(found, read_people(evidence))
    return found.all()


def _add_network(found: Observables, item: Evidence, role: Role) -> None:
    if item.kind in {"ip", "dns", "url", "networkconnection", "network"}:
        found.add(ObservableKind.IP, item.text("ipAddress", "ipAddress.ipAddress"), role)
        found.add(ObservableKind.URL, item.text("url"), role)
        found.add(ObservableKind.DOMAIN, item.text("domainName", "url"), role)
        found.add(ObservableKind.IP, item.text("destinationAddress.ipAddress"), Role.DESTINATION)
        found.add(ObservableKind.IP, item.text("sourceAddress.ipAddress"), Role.SOURCE)


def _add_registry(found: Observables, item: Evidence) -> None:
    key = item.text("registryKey")
    if not key:
        return
    hive = item.text("registryHive")
    path = f"{hive}\\{key}" if hive and not key.casefold().startswith(hive.casefold()) else key
    found.add(ObservableKind.REGISTRY_KEY, path, Role.REGISTRY)
    if name := item.text("registryValueName"):
        note = item.text("registryValue")[:300]
        found.add(ObservableKind.REGISTRY_VALUE, f"{path}\\{name}", Role.REGISTRY, note=note)


def _add_mail(found: Observables, item: Evidence) -> None:
    for text in item.texts("senderIp"):
        found.add(ObservableKind.IP, text, Role.SOURCE)
    for text in item.texts("p1Sender.emailAddress", "p2Sender.emailAddress", "recipientEmailAddress"):
        found.add(ObservableKind.EMAIL, text, Role.MAIL)
    for text in item.texts("urls"):
        found.add(ObservableKind.URL, text, Role.MAIL)
