"""Falco alerts: the JSON of its outputs, and its plain line as syslog or a file carries it."""

import re
from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.attack_names import tactic_id
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalFlow, NormalObservable, NormalPerson, detectors
from cases.intake.falco_lines import is_falco_line, read_falco_line
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import device, distinct, person
from cases.intake.networks import address, port
from cases.intake.normalise import Problems, attack, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, HIGH, INFO, LOW, MEDIUM, of_word
from cases.intake.texts import one_line, reference_from, tags

_CONTAINER_ID = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")
_SCALE = {
    "debug": INFO,
    "informational": INFO,
    "info": INFO,
    "notice": LOW,
    "warning": MEDIUM,
    "error": HIGH,
    "critical": CRITICAL,
    "alert": CRITICAL,
    "emergency": CRITICAL,
}


@detectors.register
class Falco(Detector):
    """One alert; the keys of `output_fields` hold dots, which are no nesting."""

    slug = "falco"
    label = "Falco"
    order = 200

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return ("output_fields" in payload and "priority" in payload) or is_falco_line(payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        problems = Problems()
        alert = Document(read_falco_line(payload, received_at) or payload)
        if alert.text("line_time"):
            problems.add("time", "the line says no day; the latest that fits is assumed")
        fields = alert.part("output_fields")
        graded = of_word(alert.text("priority"), _SCALE)
        flow = _flow(fields)
        rule = alert.text("rule")
        return NormalAlert(
            title=required_title(rule, "rule"),
            description=alert.text("output"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(alert, received_at, problems, "time", "output_fields.evt.time"),
            source_ref=_reference(alert),
            rule_id=one_line(rule, 255),
            rule_name=one_line(rule, 255),
            attack=_attack(alert.texts("tags")),
            flow=flow,
            devices=distinct([_device(alert, fields)]),
            people=_people(fields),
            observables=_observables(fields, flow),
            tags=tags([*alert.values("tags"), alert.text("source")]),
            problems=problems.all(),
        )


def _device(alert: Document, fields: Document) -> NormalDevice | None:
    """A container is no device: the node is, or else the host on which Falco runs, itself in a container or not."""
    host = alert.text("hostname")
    return device(fields.text("k8s.node.name") or ("" if _CONTAINER_ID.fullmatch(host) else host))


def _reference(alert: Document) -> str:
    """No id is sent; the time counts nanoseconds, so it needs little beside it. A line names its day only to us."""
    moment = alert.text("line_time", "time", "output_fields.evt.time")
    beside = alert.text("output") if alert.text("line_time") else ""
    return reference_from(moment, alert.text("rule"), alert.text("hostname"), beside)


def _attack(words: list[str]) -> tuple[tuple[str, str], ...]:
    """Tags name tactics as `mitre_execution` and techniques by their ids."""
    names = (word.casefold() for word in words)
    tactics = [tactic_id(name.removeprefix("mitre_")) for name in names if name.startswith("mitre_")]
    return attack(words, tactics)


def _flow(fields: Document) -> NormalFlow | None:
    """The client and the server of a connection, else the two ends that its name shows: `10.0.0.1:5->10.0.0.2:80`."""
    proto = fields.text("fd.l4proto").lower()[:32]
    if found := read_flow(
        fields,
        src_ip=("fd.cip",),
        src_port=("fd.cport",),
        dst_ip=("fd.sip",),
        dst_port=("fd.sport",),
        proto=("fd.l4proto",),
    ):
        return found
    left, arrow, right = fields.text("fd.name").partition("->")
    (src_ip, src_port), (dst_ip, dst_port) = _end(left), _end(right)
    if not arrow or not (src_ip or dst_ip):
        return None
    return NormalFlow(src_ip=src_ip, src_port=src_port, dst_ip=dst_ip, dst_port=dst_port, proto=proto)


def _end(text: str) -> tuple[str, int | None]:
    host, _, number = text.rpartition(":")
    return address(host), port(number)


def _people(fields: Document) -> tuple[NormalPerson, ...]:
    """Who signed in, where Falco knows it (sudo keeps the login), else whom the process runs as."""
    return distinct([person(fields.text("user.loginname", "user.name"))])


def _observables(fields: Document, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    found.add(ObservableKind.PROCESS, fields.text("proc.exepath", "proc.name"), Role.PROCESS)
    for text in fields.texts("proc.cmdline", "proc.pcmdline"):
        found.add(ObservableKind.COMMAND_LINE, text, Role.PROCESS)
    found.add(ObservableKind.PROCESS, fields.text("proc.pexepath", "proc.pname"), Role.PROCESS, note="parent")
    for text in fields.texts("fd.name", "evt.arg.path", "evt.arg.name", "fs.path.name", "fs.path.target"):
        if text.startswith("/"):
            found.add(ObservableKind.FILE_PATH, text, Role.FILE)
    found.add(ObservableKind.DOMAIN, fields.text("fd.sip.name"), Role.DESTINATION)
    for text in fields.texts("user.name", "user.loginname"):
        found.add(ObservableKind.USER, text, Role.ACCOUNT)
    _add_container(found, fields)
    return found.all()


def _add_container(found: Observables, fields: Document) -> None:
    space, pod = fields.text("k8s.ns.name"), fields.text("k8s.pod.name")
    container = fields.text("container.id")
    if container.casefold() != "host":
        found.add(ObservableKind.OTHER, container, tags=("container",), note=fields.text("container.name")[:300])
    image, tag = fields.text("container.image.repository"), fields.text("container.image.tag")
    found.add(ObservableKind.OTHER, f"{image}:{tag}" if image and tag else image, tags=("container-image",))
    found.add(ObservableKind.OTHER, f"{space}/{pod}" if space and pod else pod, tags=("kubernetes-pod",))
