"""Wazuh alerts; a Suricata record or a Windows event inside `data` is mapped as such, and the agent is kept."""

from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalFlow, NormalPerson, detectors
from cases.intake.flows import add_ends, flow_device, read_flow
from cases.intake.harvest import harvest
from cases.intake.identities import device, distinct, person
from cases.intake.normalise import Problems, attack, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import of_wazuh
from cases.intake.texts import one_line, reference, reference_from, tags
from cases.intake.wazuh_inner import Inner, read_inner

MANAGER_AGENT = "000"


@detectors.register
class Wazuh(Detector):
    """A line of alerts.json, or the document of the index."""

    slug = "wazuh"
    label = "Wazuh"
    order = 80

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        rule = payload.get("rule")
        has_level = "rule.level" in payload or (isinstance(rule, dict) and "level" in rule)
        return has_level and any(key in payload for key in ("agent", "manager", "agent.id", "manager.name"))

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        graded = of_wazuh(alert.first("rule.level"))
        inner = read_inner(alert, received_at)
        flow = (inner and inner.flow) or _flow(alert)
        return NormalAlert(
            title=required_title((inner and inner.title) or alert.text("rule.description"), "rule.description"),
            description=alert.text("full_log", "rule.description"),
            severity=max(graded.severity, inner.severity) if inner else graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(alert, received_at, problems, "timestamp", "@timestamp"),
            source_ref=_reference(alert),
            rule_id=one_line(alert.text("rule.id"), 255),
            rule_name=one_line(alert.text("rule.description"), 255),
            attack=distinct([*attack(alert.texts("rule.mitre.id"), []), *(inner.attack if inner else ())]),
            action=inner.action if inner else "unknown",
            flow=flow,
            devices=_devices(alert, inner, flow),
            people=distinct([*_people(alert), *(inner.people if inner else ())]),
            observables=_observables(alert, inner, flow),
            tags=tags(alert.values("rule.groups")),
            problems=problems.all(),
        )


def _reference(alert: Document) -> str:
    """The id is unique for one manager only, and generated data repeats it even there: the rule goes along."""
    sent, manager = alert.text("id"), alert.text("manager.name")
    if sent:
        return reference(f"{manager}/{sent}/{alert.text('rule.id')}")
    return reference_from(
        manager, *(alert.text(path) for path in ("agent.id", "timestamp", "rule.id", "location", "full_log"))
    )


def _flow(alert: Document) -> NormalFlow | None:
    return read_flow(
        alert,
        src_ip=("data.srcip", "data.src_ip", "data.aws.source_ip_address"),
        src_port=("data.srcport", "data.src_port"),
        dst_ip=("data.dstip", "data.dest_ip", "data.dst_ip"),
        dst_port=("data.dstport", "data.dest_port", "data.dst_port"),
        proto=("data.protocol", "data.proto"),
    )


def _agent(alert: Document) -> NormalDevice | None:
    """The device that the agent runs on; agent 000 is the manager itself."""
    number = alert.text("agent.id")
    if number in {"", MANAGER_AGENT}:
        return None
    manager = alert.text("manager.name")
    return device(
        alert.text("agent.name"),
        agent_id=f"{manager}/{number}" if manager else number,
        is_edr=False,
        ip=alert.text("agent.ip"),
        os=alert.text("agent.os.name"),
    )


def _devices(alert: Document, inner: Inner | None, flow: NormalFlow | None) -> tuple[NormalDevice, ...]:
    """The agent's device; beside a sensor's agent also the inner end of the flow that it saw."""
    agent = _agent(alert)
    if inner is None or not inner.is_of_sensor:
        return distinct([agent or flow_device(flow)])
    if agent and flow and agent.address in {flow.src_ip, flow.dst_ip} - {""}:
        return (agent,)
    return distinct([flow_device(flow), agent])


def _people(alert: Document) -> list[NormalPerson | None]:
    return [
        person(alert.text("data.srcuser", "data.uid", "syscheck.audit.user.name")),
        person(alert.text("data.dstuser"), role="target"),
        person(alert.text("syscheck.uname_after")),
    ]


def _observables(alert: Document, inner: Inner | None, flow: NormalFlow | None) -> Any:
    found = Observables()
    add_ends(found, flow)
    for one in inner.observables if inner else ():
        found.add(one.kind, one.value, one.role, tags=one.tags, note=one.note)
    _add_watched(found, alert)
    for path in ("data.srcuser", "data.dstuser"):
        found.add(ObservableKind.USER, alert.text(path), Role.ACCOUNT)
    if inner is None:
        harvest(found, alert.part("data").payload)
    return found.all()


def _add_watched(found: Observables, alert: Document) -> None:
    """What the integrity monitor saw change: a file, or a registry key on Windows."""
    path = alert.text("syscheck.path")
    if not found.add(ObservableKind.REGISTRY_KEY, path, Role.REGISTRY):
        found.add(ObservableKind.FILE_PATH, path, Role.FILE)
    for digest in alert.texts("syscheck.sha256_after", "syscheck.sha1_after", "syscheck.md5_after"):
        found.add_hash(digest)
