"""The Elastic Common Schema: device, people, connection and observables of an event in its words."""

from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.intake.files import add_file
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.networks import own_address
from cases.intake.observables import Observables
from cases.intake.paths import Document

MAX_DEPTH = 12
_DIGESTS = ("sha512", "sha256", "sha1", "md5")
_FILES = ("file", "dll", "process.Ext.dll", "email.attachments.file", "threat.indicator.file")
_SIMPLE: tuple[tuple[str, str, Role], ...] = (
    ("process.executable", ObservableKind.PROCESS, Role.PROCESS),
    ("process.parent.executable", ObservableKind.PROCESS, Role.PROCESS),
    ("process.command_line", ObservableKind.COMMAND_LINE, Role.PROCESS),
    ("process.parent.command_line", ObservableKind.COMMAND_LINE, Role.PROCESS),
    ("url.full", ObservableKind.URL, Role.DESTINATION),
    ("url.original", ObservableKind.URL, Role.DESTINATION),
    ("user_agent.original", ObservableKind.USER_AGENT, Role.SOURCE),
    ("tls.client.ja3", ObservableKind.JA3, Role.SOURCE),
    ("email.from.address", ObservableKind.EMAIL, Role.MAIL),
    ("email.to.address", ObservableKind.EMAIL, Role.MAIL),
    ("vulnerability.id", ObservableKind.CVE, Role.OTHER),
    ("destination.as.number", ObservableKind.ASN, Role.DESTINATION),
)
_NAMES = (
    ("dns.question.name", Role.DESTINATION),
    ("dns.resolved_ip", Role.DESTINATION),
    ("url.domain", Role.DESTINATION),
    ("destination.domain", Role.DESTINATION),
    ("tls.client.server_name", Role.DESTINATION),
    ("source.domain", Role.SOURCE),
)
_ACTORS = ("user", "source.user", "client.user")
_TARGETS = ("user.target", "destination.user", "server.user")


def nested(payload: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """The event with every dot of its keys an object, so that a path need not be sought in each mix of both. A key
    that meets a scalar on its way stays as it is."""
    found: dict[str, Any] = {}
    for key, value in payload.items():
        child = nested(value, depth + 1) if isinstance(value, dict) and depth < MAX_DEPTH else value
        *above, last = key.split(".") if key.count(".") < MAX_DEPTH else [key]
        place: Any = found
        for name in above:
            place = place.setdefault(name, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            found[key] = child
        elif isinstance(child, dict) and isinstance(place.get(last), dict):
            _merge(place[last], child)
        elif not isinstance(place.get(last), dict):  # nobody asks for a word where an object is due
            place[last] = child
    return found


def _merge(one: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(one.get(key), dict):
            _merge(one[key], value)
        else:
            one.setdefault(key, value)


def read_ecs_flow(event: Document) -> NormalFlow | None:
    return read_flow(
        event,
        src_ip=("source.ip", "client.ip"),
        src_port=("source.port", "client.port"),
        dst_ip=("destination.ip", "server.ip"),
        dst_port=("destination.port", "server.port"),
        proto=("network.transport", "network.protocol"),
        direction=("network.direction",),
        bytes_out=("source.bytes", "client.bytes"),
        bytes_in=("destination.bytes", "server.bytes"),
    )


def read_ecs_device(event: Document) -> NormalDevice | None:
    """The host of the event; an agent without a host is a collector."""
    name, number = event.text("host.name", "host.hostname"), event.text("host.id")
    if not name and not number:
        return None
    return device(
        name,
        agent_id=event.text("agent.id") or number,
        is_edr=False,
        mac_address=event.text("host.mac"),
        ip=own_address(event.texts("host.ip")),
        os=event.text("host.os.full", "host.os.name", "host.os.type"),
    )


def read_ecs_people(event: Document) -> tuple[NormalPerson, ...]:
    found = [_person(event, place, "actor") for place in _ACTORS]
    return distinct([*found, *(_person(event, place, "target") for place in _TARGETS)])


def _person(event: Document, place: str, role: str) -> NormalPerson | None:
    return person(
        event.text(f"{place}.name"),
        domain=event.text(f"{place}.domain"),
        sid=event.text(f"{place}.id"),
        upn=event.text(f"{place}.email"),
        role=role,
    )


def read_ecs_observables(
    event: Document, flow: NormalFlow | None, people: tuple[NormalPerson, ...]
) -> tuple[NormalObservable, ...]:
    found = Observables()
    for text in event.texts("threat.enrichments.matched.atomic", "threat.indicator.matched.atomic"):
        found.add_indicator(text)  # first, for what is kept first keeps its mark
    add_ends(found, flow)
    for path, kind, role in _SIMPLE:
        for text in event.texts(path):
            found.add(kind, text, role)
    for path, role in _NAMES:
        for text in event.texts(path):
            found.add_host(text, role)
    for digest in event.texts(*(f"process.hash.{name}" for name in _DIGESTS)):
        found.add_hash(digest)
    for place in _FILES:
        add_file(
            found,
            folder=event.text(f"{place}.path"),
            name=event.text(f"{place}.name"),
            digests=event.texts(*(f"{place}.hash.{name}" for name in _DIGESTS)),
        )
    _add_registry(found, event)
    add_people(found, people)
    return found.all()


def _add_registry(found: Observables, event: Document) -> None:
    """`registry.path` is hive, key and the value's name where there is one."""
    path, name = event.text("registry.path"), event.text("registry.value")
    if not path and event.text("registry.key"):
        path = "\\".join(part for part in (event.text("registry.hive"), event.text("registry.key"), name) if part)
    if name and path.casefold().endswith(f"\\{name}".casefold()):
        note = event.text("registry.data.strings")[:300]
        found.add(ObservableKind.REGISTRY_KEY, path[: -len(name) - 1], Role.REGISTRY)
        found.add(ObservableKind.REGISTRY_VALUE, path, Role.REGISTRY, note=note)
    else:
        found.add(ObservableKind.REGISTRY_KEY, path, Role.REGISTRY)
