"""Splunk: notable events of Enterprise Security, and the webhook of a saved search with the first row that it found."""

import re
from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.absent import plain
from cases.intake.attack_names import attack_words
from cases.intake.base import Detector, NormalAlert, detectors
from cases.intake.flows import read_flow
from cases.intake.inner_json import inner_document, inner_list
from cases.intake.normalise import (
    Problems,
    optional_link,
    optional_percent,
    optional_time,
    own_time,
    required_time,
    required_title,
)
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, HIGH, INFO, LOW, MEDIUM, Graded
from cases.intake.splunk_parts import read_devices, read_observables, read_people
from cases.intake.texts import one_line, reference, reference_from, tags

_URGENCIES = {"informational": INFO, "low": LOW, "medium": MEDIUM, "high": HIGH, "critical": CRITICAL}
_ACTIONS = {
    "blocked": AlertAction.BLOCKED,
    "denied": AlertAction.BLOCKED,
    "dropped": AlertAction.BLOCKED,
    "allowed": AlertAction.ALLOWED,
    "quarantined": AlertAction.QUARANTINED,
}
_ENVELOPE = ("sid", "search_name", "results_link")
_SCHEDULED = re.compile(r"_at_([0-9]{10})_")


@detectors.register
class SplunkNotable(Detector):
    """One notable, or the row in `result`, which is unwrapped before. Any field may be a text or a list of texts."""

    slug = "splunk-notable"
    label = "Splunk notables and webhooks"
    order = 240

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        number = payload.get("event_id")
        return "search_name" in payload or (isinstance(number, str) and "@@notable@@" in number)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        search = alert.text("search_name")
        graded = _graded(alert)
        flow = read_flow(
            alert,
            src_ip=("src_ip", "src"),
            src_port=("src_port",),
            dst_ip=("dest_ip", "dest"),
            dst_port=("dest_port",),
            proto=("transport", "protocol"),
            direction=("direction",),
            bytes_out=("bytes_out",),
            bytes_in=("bytes_in",),
        )
        people = read_people(alert)
        return NormalAlert(
            title=required_title(alert.text("rule_title") or search, "rule_title"),
            description=alert.text("rule_description", "savedsearch_description", "description", "message"),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=graded.is_assumed,
            risk_score=optional_percent(alert, problems, "risk_score"),
            detected_at=_time(alert, received_at, problems),
            first_seen_at=optional_time(alert, received_at, "orig_time", "firstTime"),
            last_seen_at=optional_time(alert, received_at, "lastTime"),
            source_ref=_reference(alert),
            rule_id=one_line(search or alert.text("rule_name"), 255),  # `rule_id` is the notable's own number
            rule_name=one_line(alert.text("rule_name") or search, 255),
            action=str(_ACTIONS.get(alert.text("action").casefold(), AlertAction.UNKNOWN)),
            status=alert.text("status_label", "status")[:64],
            url=optional_link(alert, problems, "results_link"),
            attack=_attack(alert),
            flow=flow,
            devices=read_devices(alert, flow),
            people=people,
            observables=read_observables(alert, flow, people, is_row=not alert.text("event_id")),
            tags=tags([*alert.values("security_domain"), *alert.values("tag")]),
            problems=problems.all(),
        )


def _graded(alert: Document) -> Graded:
    """The urgency weighs what the rule thinks by what the device and the person are worth; without it the rule's
    severity has to do."""
    word = alert.text("urgency")
    if (known := _URGENCIES.get(word.casefold())) is not None:
        return Graded(known, word)
    word = word or alert.text("severity")
    return Graded(_URGENCIES.get(word.casefold(), MEDIUM), word, is_assumed=True)


def _time(alert: Document, received_at: datetime, problems: Problems) -> datetime:
    """A row of statistics has no time, but its search was started at one."""
    for path in ("_time", "orig_time", "info_search_time", "_indextime"):
        if moment := own_time(alert.first(path), path, received_at, problems):
            return moment
    scheduled = _SCHEDULED.search(alert.text("sid", "orig_sid")[:1000])
    if scheduled and (moment := own_time(int(scheduled[1]), "sid", received_at, problems)):
        return moment
    return required_time(alert, received_at, problems, "_time", "orig_time")


def _reference(alert: Document) -> str:
    """The notable's number; a webhook names its search's run, and the row tells it from the others of the run."""
    if sent := alert.text("event_id"):
        return reference(sent)
    kept = {"_time", "_raw"}  # the other fields of the index say where the row lies
    row = {key: value for key, value in alert.payload.items() if key[:1] != "_" or key in kept}
    values = {key: value for key, value in row.items() if key not in _ENVELOPE}
    return reference_from(alert.text("sid") or alert.text("search_name"), values)


def _attack(alert: Document) -> tuple[tuple[str, str], ...]:
    """Annotations come as fields of their own, as JSON in one text, or as words with commas between."""
    known = inner_document(alert.first("annotations"))
    sent = [
        *alert.values("annotations.mitre_attack", "annotations.mitre_attack.mitre_technique_id", "mitre_technique_id"),
        *known.values("mitre_attack"),
    ]
    words = [word for value in sent for item in inner_list(value) for word in plain(item)[:4000].split(",")]
    grounds = alert.texts("annotations.mitre_attack.mitre_tactic_id", "annotations.mitre_attack.mitre_tactic")
    return attack_words(words, grounds)
