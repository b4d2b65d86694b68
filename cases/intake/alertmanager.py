"""Alerts of Prometheus Alertmanager, and of Grafana, whose webhook imitates it."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalFlow, NormalObservable, detectors
from cases.intake.flows import add_ends, flow_device, read_flow
from cases.intake.harvest import harvest
from cases.intake.identities import device, distinct, person
from cases.intake.names import host_of
from cases.intake.networks import address, port
from cases.intake.normalise import Problems, attack, optional_time, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, MEDIUM, Graded, of_anything
from cases.intake.texts import one_line, reference, reference_from, tags, web_link

_LINKS = ("generatorURL", "panelURL", "dashboardURL", "externalURL")
_HOSTS = ("labels.hostname", "labels.host", "labels.nodename", "labels.node", "labels.instance")
_SEVERITIES = ("labels.severity", "labels.level", "labels.priority")
_NO_TAGS = frozenset({"alertname", "severity", "level", "priority", *(path.partition(".")[2] for path in _HOSTS)})
_LINK_WORDS = (
    "runbook",
    "dashboard",
    "panel",
    "silence",
    "playbook",
)  # of annotations that lead people and not attackers


@detectors.register
class Alertmanager(Detector):
    """One alert; `alerts[]` is unwrapped before. One that is resolved has the reference of when it fired."""

    slug = "alertmanager"
    label = "Alertmanager and Grafana"
    order = 220

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return "startsAt" in payload and isinstance(payload.get("labels"), dict)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        graded = _severity(alert)
        flow = _flow(alert)
        status = alert.text("status", "status.state")
        if alert.text("generatorURL") and not web_link(alert.first("generatorURL")):
            problems.add("generatorURL", "no web address; dropped")
        return NormalAlert(
            title=required_title(
                alert.text("annotations.summary", "annotations.title", "labels.alertname"), "labels.alertname"
            ),
            description=alert.text("annotations.description", "annotations.message"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(alert, received_at, problems, "startsAt"),
            # While it fires, `endsAt` lies ahead: when it would be taken as over if nobody spoke of it again.
            last_seen_at=optional_time(alert, received_at, "endsAt") if status == "resolved" else None,
            source_ref=_reference(alert),
            rule_id=one_line(alert.text("labels.alertname"), 255),
            rule_name=one_line(alert.text("labels.alertname"), 255),
            rule_url=web_link(alert.first("annotations.runbook_url", "annotations.runbook")),
            action=str(AlertAction.DETECTED),
            status=status[:64],
            url=next((link for path in _LINKS if (link := web_link(alert.first(path)))), ""),
            attack=attack(alert.texts("labels.technique", "labels.mitre_technique", "labels.mitre_technique_id"), []),
            flow=flow,
            devices=_devices(alert, flow),
            people=distinct([person(alert.text("labels.user", "labels.username", "labels.user_name"))]),
            observables=_observables(alert, flow),
            tags=tags(f"{key}={value}" for key, value in _labels(alert).items() if key.casefold() not in _NO_TAGS),
            problems=problems.all(),
        )


def _labels(alert: Document) -> dict[str, Any]:
    labels = alert.payload.get("labels")
    return labels if isinstance(labels, dict) else {}


def _severity(alert: Document) -> Graded:
    """Free text by nature: what most teams write."""
    for path in _SEVERITIES:
        if (text := alert.text(path)).casefold() == "page":
            return Graded(CRITICAL, text)
        if graded := of_anything(alert.first(path)):
            return graded
    return Graded(MEDIUM, alert.text(*_SEVERITIES), is_assumed=True)


def _reference(alert: Document) -> str:
    """The fingerprint names the labels, the start this time of firing; Prometheus itself sends no fingerprint."""
    if sent := alert.text("fingerprint"):
        return reference(f"{sent}/{alert.text('startsAt')}")
    return reference_from(_labels(alert), alert.text("startsAt"))


def _flow(alert: Document) -> NormalFlow | None:
    return read_flow(
        alert,
        src_ip=("labels.src_ip", "labels.srcip", "labels.source_ip"),
        src_port=("labels.src_port",),
        dst_ip=("labels.dst_ip", "labels.dest_ip", "labels.dstip", "labels.destination_ip"),
        dst_port=("labels.dst_port", "labels.dest_port"),
        proto=("labels.proto", "labels.protocol"),
    )


def _devices(alert: Document, flow: NormalFlow | None) -> tuple[NormalDevice, ...]:
    return distinct([device(_host(alert.text(*_HOSTS))) or flow_device(flow)])


def _host(text: str) -> str:
    """What was asked for metrics or probed: `host:9100`, `[2001:db8::1]:9100` or a link."""
    if "://" in text:
        return host_of(text)
    host, _, number = text.rpartition(":")
    return host.strip("[]") if host and port(number) is not None and not address(text) else text


def _observables(alert: Document, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    harvest(found, {key: value for key, value in _labels(alert).items() if key.casefold() not in _NO_TAGS})
    annotations = alert.part("annotations").payload
    harvest(found, {key: text for key, text in annotations.items() if not any(word in key for word in _LINK_WORDS)})
    return found.all()
