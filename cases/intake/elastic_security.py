"""Alerts of Elastic Security: `kibana.alert.*` since 8.0, `signal.*` before, dotted or nested in any mix."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.base import Detector, IgnoredError, NormalAlert, NormalDevice, NormalFlow, detectors
from cases.intake.ecs import nested, read_ecs_device, read_ecs_flow, read_ecs_observables, read_ecs_people
from cases.intake.flows import flow_device
from cases.intake.identities import distinct
from cases.intake.nightdesk_schema import percent
from cases.intake.normalise import (
    MAX_TECHNIQUES,
    Problems,
    attack,
    optional_link,
    optional_percent,
    optional_time,
    required_time,
    required_title,
)
from cases.intake.paths import Document, whole_number
from cases.intake.severities import CRITICAL, HIGH, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags, web_link

_WORDS = {"low": LOW, "medium": MEDIUM, "high": HIGH, "critical": CRITICAL}
_SCORE_PATHS = ("kibana.alert.risk_score", "signal.rule.risk_score")
_SCORES = ((74, CRITICAL), (48, HIGH), (22, MEDIUM), (0, LOW))
_THREATS = (
    "threat",
    "kibana.alert.rule.threat",
    "kibana.alert.rule.parameters.threat",
    "signal.rule.threat",
)
_RULES = ("kibana.alert.rule.uuid", "kibana.alert.rule.rule_id", "signal.rule.id", "signal.rule.rule_id")
_EVENT_TIMES = ("kibana.alert.original_time", "signal.original_time")  # when it happened, not when it was found
_TIMES = ("@timestamp", "kibana.alert.start", *_EVENT_TIMES)
_MAX_COUNT = 1_000_000


@detectors.register
class ElasticSecurity(Detector):
    """One alert document; the hit of a search is unwrapped before. Building blocks only make up other alerts."""

    slug = "elastic-security"
    label = "Elastic Security"
    order = 70

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        if any(f"{key}.".startswith(("kibana.alert.", "signal.rule.")) for key in payload):
            return True
        kibana, signal = payload.get("kibana"), payload.get("signal")
        if isinstance(kibana, dict) and any(key.partition(".")[0] == "alert" for key in kibana):
            return True
        return isinstance(signal, dict) and any(key.partition(".")[0] == "rule" for key in signal)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(nested(payload)), Problems()
        if alert.text("kibana.alert.building_block_type", "signal.rule.building_block_type"):
            raise IgnoredError("A building block of Elastic Security is no alert.")
        graded = _graded(alert)
        flow, people = read_ecs_flow(alert), read_ecs_people(alert)
        title = alert.text("kibana.alert.rule.name", "signal.rule.name")
        return NormalAlert(
            title=required_title(title, "kibana.alert.rule.name"),
            description=alert.text(
                *("kibana.alert.reason", "signal.reason", "rule.description", "kibana.alert.rule.description"),
                *("kibana.alert.rule.parameters.description", "signal.rule.description", "message"),
            ),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=graded.is_assumed,
            risk_score=optional_percent(alert, problems, *_SCORE_PATHS),
            detected_at=required_time(alert, received_at, problems, *_TIMES),
            first_seen_at=optional_time(alert, received_at, "event.start", *_EVENT_TIMES),
            last_seen_at=optional_time(alert, received_at, "event.end"),
            source_ref=_reference(alert),
            rule_id=one_line(alert.text(*_RULES), 255),
            rule_name=one_line(title, 255),
            rule_version=_rule_text(alert, "version")[:64],
            rule_url=_link(alert, "kibana.alert.rule.references", "kibana.alert.rule.parameters.references")
            or _link(alert, "signal.rule.references", "rule.reference"),
            count=_count(alert),
            action=str(_action(alert)),
            status=alert.text("kibana.alert.workflow_status", "signal.status")[:64],
            url=optional_link(alert, problems, "kibana.alert.url"),
            attack=_attack(alert),
            flow=flow,
            devices=_devices(alert, flow),
            people=people,
            observables=read_ecs_observables(alert, flow, people),
            tags=tags(alert.values("kibana.alert.rule.tags", "signal.rule.tags", "tags")),
            problems=problems.all(),
        )


def _graded(alert: Document) -> Graded:
    """The alert's own word, then its score; the rule's word is only what the author thought before."""
    for path in ("kibana.alert.severity", "signal.rule.severity"):
        word = alert.text(path)
        if (known := _WORDS.get(word.casefold())) is not None:
            return Graded(known, word)
    score = percent(alert.first(*_SCORE_PATHS))
    if score is not None:
        return Graded(next(ours for floor, ours in _SCORES if score >= floor), str(score))
    word = alert.text("kibana.alert.severity", "kibana.alert.rule.severity")
    known = _WORDS.get(word.casefold())
    return Graded(MEDIUM if known is None else known, word, is_assumed=True)


def _reference(alert: Document) -> str:
    if sent := alert.text("kibana.alert.uuid", "_id"):
        return reference(sent)
    paths = ("@timestamp", "kibana.alert.rule.uuid", "signal.rule.id", "host.id", "host.name", "event.id")
    ancestors = alert.texts("kibana.alert.ancestors.id", "signal.ancestors.id", "signal.parent.id")
    return reference_from(*(alert.text(path) for path in paths), ancestors)


def _rule_text(alert: Document, name: str) -> str:
    places = ("kibana.alert.rule", "kibana.alert.rule.parameters", "signal.rule")
    return alert.text(*(f"{place}.{name}" for place in places))


def _link(alert: Document, *paths: str) -> str:
    return next((link for value in alert.values(*paths) if (link := web_link(value))), "")


def _count(alert: Document) -> int:
    """One, and those that were suppressed because they were the same."""
    more = whole_number(alert.first("kibana.alert.suppression.docs_count"))
    return min(1 + more, _MAX_COUNT) if more and more > 0 else 1


def _action(alert: Document) -> AlertAction:
    """What the endpoint did: its own responses tell more than whether the event itself went through."""
    responses = alert.texts("Responses.message", "process.Ext.response.message")
    kinds = {word.casefold() for word in alert.texts("event.type")}
    if alert.text("file.Ext.quarantine_result").casefold() == "true":
        return AlertAction.QUARANTINED
    if "denied" in kinds or any(word.casefold() == "success" for word in responses):
        return AlertAction.BLOCKED
    return AlertAction.ALLOWED if "allowed" in kinds else AlertAction.UNKNOWN


def _attack(alert: Document) -> tuple[tuple[str, str], ...]:
    """Each technique with the tactic under which it stands; the rule's list may be empty where the alert's is not."""
    pairs: list[tuple[str, str]] = []
    for threat in alert.objects(*_THREATS):
        tactic = attack([], threat.texts("tactic.id"))
        techniques = threat.texts("technique.id", "technique.subtechnique.id")
        under = tactic[0][1] if len(tactic) == 1 else ""
        found = attack(techniques, [])
        pairs += [(technique, under) for technique, _ in found] or list(tactic)
    if not pairs:  # the lists of a flattened document, where nobody knows what stood with what
        return attack(
            alert.texts("threat.technique.id", "threat.technique.subtechnique.id"), alert.texts("threat.tactic.id")
        )
    return tuple(dict.fromkeys(pairs))[:MAX_TECHNIQUES]


def _devices(alert: Document, flow: NormalFlow | None) -> tuple[NormalDevice, ...]:
    """The host; where a sensor saw the traffic, the host is that of the collector and the device is in the flow."""
    inner = flow_device(flow)
    is_of_sensor = bool(alert.text("observer.name", "observer.type", "observer.product", "observer.hostname"))
    return distinct([inner if is_of_sensor and inner else read_ecs_device(alert) or inner])
