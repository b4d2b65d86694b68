"""Alerts of Carbon Black Cloud in version 7 of its schema."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, ObservableKind, Role
from cases.intake.attack_names import attack_pair, attack_words
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalFlow, NormalObservable, NormalPerson, detectors
from cases.intake.files import add_file
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.normalise import (
    MAX_TECHNIQUES,
    Problems,
    optional_link,
    optional_time,
    required_time,
    required_title,
)
from cases.intake.observables import Observables
from cases.intake.paths import Document, whole_number
from cases.intake.severities import CRITICAL, HIGH, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags

_STEPS = ((9, CRITICAL), (7, HIGH), (4, MEDIUM), (1, LOW))
_TIMES = ("detection_timestamp", "backend_timestamp")
_RULES = ("rule_id", "watchlists.id", "report_id", "reason_code")
_RULE_NAMES = ("rule_name", "watchlists.name", "report_name", "reason_code")
_STOPPED = frozenset({"deny", "terminate"})
_STOPPED_BY_POLICY = frozenset({"POLICY_TERMINATE", "POLICY_DENY"})


@detectors.register
class CarbonBlack(Detector):
    """One alert of any type: analytics, watchlists, device control, host firewall."""

    slug = "carbonblack"
    label = "Carbon Black Cloud"
    order = 275

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return "org_key" in payload and "device_id" in payload and any(path in payload for path in _TIMES)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        graded = _graded(alert)
        flow, people = _flow(alert), _people(alert)
        return NormalAlert(
            title=required_title(alert.text("reason", *_RULE_NAMES), "reason"),
            description=alert.text("report_description", "threat_name", "report_name"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(alert, received_at, problems, *_TIMES),
            first_seen_at=optional_time(alert, received_at, "first_event_timestamp"),
            last_seen_at=optional_time(alert, received_at, "last_event_timestamp"),
            source_ref=_reference(alert),
            rule_id=one_line(alert.text(*_RULES), 255),
            rule_name=one_line(alert.text(*_RULE_NAMES), 255),
            action=str(_action(alert)),
            status=alert.text("workflow.status")[:64],
            url=optional_link(alert, problems, "alert_url"),
            attack=_attack(alert),
            flow=flow,
            devices=distinct([_device(alert)]),
            people=people,
            observables=_observables(alert, flow, people),
            tags=tags([*alert.values("type"), *alert.values("tags")]),
            problems=problems.all(),
        )


def _graded(alert: Document) -> Graded:
    """1 to 10."""
    number = whole_number(alert.first("severity"))
    if number is None or not 1 <= number <= 10:
        return Graded(MEDIUM, alert.text("severity"), is_assumed=True)
    return Graded(next(ours for floor, ours in _STEPS if number >= floor), str(number))


def _reference(alert: Document) -> str:
    if sent := alert.text("id"):
        return reference(sent)
    paths = (*_TIMES, "device_id", "reason", "process_guid")
    return reference_from(*(alert.text(path) for path in paths))


def _action(alert: Document) -> AlertAction:
    """What the sensor did to the event, or its policy to the program."""
    said = alert.text("sensor_action").casefold()
    if said in _STOPPED or not _STOPPED_BY_POLICY.isdisjoint(alert.texts("ttps")):
        return AlertAction.BLOCKED
    return AlertAction.ALLOWED if said.startswith("allow") else AlertAction.UNKNOWN


def _attack(alert: Document) -> tuple[tuple[str, str], ...]:
    """The alert's own pair, and the techniques among the words for what was seen (`MITRE_T1059_001_POWERSHELL`)."""
    seen = [word for word in alert.texts("ttps") if word.startswith("MITRE_")]
    pairs = (*attack_pair(alert.text("attack_technique"), alert.text("attack_tactic")), *attack_words(seen, []))
    return tuple(dict.fromkeys(pairs))[:MAX_TECHNIQUES]


def _flow(alert: Document) -> NormalFlow | None:
    local, remote = ("netconn_local_ip", "netconn_local_ipv4"), ("netconn_remote_ip", "netconn_remote_ipv4")
    is_inbound = alert.text("netconn_inbound").casefold() == "true"
    local_port, remote_port = ("netconn_local_port",), ("netconn_remote_port",)
    return read_flow(
        alert,
        src_ip=remote if is_inbound else local,
        src_port=remote_port if is_inbound else local_port,
        dst_ip=local if is_inbound else remote,
        dst_port=local_port if is_inbound else remote_port,
        proto=("netconn_protocol",),
    )


def _device(alert: Document) -> NormalDevice | None:
    return device(
        alert.text("device_name").rpartition("\\")[2],  # a domain may stand before it
        agent_id=alert.text("device_id"),
        is_edr=False,
        ip=alert.text("device_internal_ip"),
        os=alert.text("device_os_version", "device_os"),
    )


def _people(alert: Document) -> tuple[NormalPerson, ...]:
    """Whose process it was, and whom the sensor knows as the device's user."""
    process = person(alert.text("process_username"))
    return distinct([process, person(alert.text("device_username"), role="logged_on")])


def _observables(
    alert: Document, flow: NormalFlow | None, people: tuple[NormalPerson, ...]
) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    found.add_host(alert.text("netconn_remote_domain"), Role.DESTINATION)
    for who in ("process", "parent", "childproc"):
        found.add(ObservableKind.PROCESS, alert.text(f"{who}_name"), Role.PROCESS)
        found.add(ObservableKind.COMMAND_LINE, alert.text(f"{who}_cmdline"), Role.PROCESS)
        for digest in alert.texts(f"{who}_sha256", f"{who}_md5"):
            found.add_hash(digest)
    add_file(found, name=alert.text("blocked_name"), digests=alert.texts("blocked_sha256", "blocked_md5"))
    found.add(ObservableKind.SERIAL, alert.text("serial_number", "external_device_serial_number"))
    add_people(found, people)
    return found.all()
