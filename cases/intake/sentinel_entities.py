"""The entities of a Sentinel incident: accounts, hosts, addresses, files and the rest, told by their `kind`."""

from dataclasses import dataclass

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalPerson
from cases.intake.files import add_file
from cases.intake.identities import device, person
from cases.intake.observables import Observables
from cases.intake.paths import Document


@dataclass(frozen=True, slots=True)
class Entity:
    """`kind` in lower case, and the properties."""

    kind: str
    fields: Document

    def text(self, *paths: str) -> str:
        return self.fields.text(*paths)


def read_entities(incident: Document) -> list[Entity]:
    return [
        Entity(one.text("kind").casefold(), one.part("properties"))
        for one in incident.objects("properties.relatedEntities")
    ]


def entity_device(entity: Entity) -> NormalDevice | None:
    if entity.kind != "host":
        return None
    return device(
        entity.text("hostName", "netBiosName"),
        domain=entity.text("dnsDomain"),
        agent_id=entity.text("additionalData.MdatpDeviceId", "additionalData.mdatpDeviceId"),
        directory_id=entity.text("azureID", "aadDeviceId"),
        os=entity.text("osVersion", "osFamily"),
    )


def entity_person(entity: Entity) -> NormalPerson | None:
    if entity.kind not in {"account", "mailbox"}:
        return None
    name, suffix = entity.text("accountName"), entity.text("upnSuffix")
    return person(
        name,
        domain=entity.text("ntDomain"),
        sid=entity.text("sid"),
        upn=f"{name}@{suffix}" if name and suffix else entity.text("upn", "mailboxPrimaryAddress"),
        directory_id=entity.text("aadUserId"),
    )


def add_entity(found: Observables, entity: Entity) -> None:
    """Add what an entity is, if it is an observable; accounts are added as people."""
    found.add(ObservableKind.IP, entity.text("address"), Role.OTHER)
    found.add(ObservableKind.DOMAIN, entity.text("domainName"), Role.DESTINATION)
    found.add(ObservableKind.URL, entity.text("url"), Role.DESTINATION)
    found.add_hash(entity.text("hashValue"))
    if entity.kind == "file":
        add_file(found, folder=entity.text("directory"), name=entity.text("fileName"))
    found.add(ObservableKind.COMMAND_LINE, entity.text("commandLine"), Role.PROCESS)
    if entity.kind == "registrykey":
        parts = [part for part in (entity.text("hive"), entity.text("key")) if part]
        found.add(ObservableKind.REGISTRY_KEY, "\\".join(parts), Role.REGISTRY)
    for path in ("mailboxPrimaryAddress", "sender", "recipient"):
        found.add(ObservableKind.EMAIL, entity.text(path), Role.MAIL)
