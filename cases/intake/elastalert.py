"""What ElastAlert 2 posts: the document that matched, of any format, with a few keys of its own and of the rule."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from cases.intake.base import Detector, IgnoredError, NormalAlert, RejectedError, detectors
from cases.intake.generic import Generic
from cases.intake.generic_paths import TITLES
from cases.intake.normalise import Problems, attack, own_time, required_time, required_title
from cases.intake.paths import Document
from cases.intake.recognise import recognise
from cases.intake.severities import MEDIUM, Graded, of_anything
from cases.intake.texts import one_line, reference, reference_from, web_link

# ElastAlert does not send the name of its rule: these are what people call it in `http_post_static_payload`.
_RULES = ("rule_name", "alert_rule", "alert_name", "alert_title", "alert_subject", "rule_title")
_SEVERITIES = ("alert_severity", "rule_severity", "severity", "alert_priority")
_OWN = frozenset({"num_hits", "num_matches", "_id", "_index", "_type", *_RULES, *_SEVERITIES})
_TIMES = ("@timestamp", "timestamp", "event.created")
_LINKS = ("kibana_discover_url", "opensearch_discover_url", "alert_url")


@detectors.register
class ElastAlert(Detector):
    """The body of its `post` and `post2` alerters as they are by default; a body of chosen keys cannot be told from
    others, and a source for it names this detector."""

    slug = "elastalert"
    label = "ElastAlert 2"
    order = 15  # before all that could claim the document inside

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return "num_hits" in payload and "num_matches" in payload

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        inner, is_guessed = _inner({key: value for key, value in payload.items() if key not in _OWN}, received_at)
        rule = one_line(alert.text(*_RULES), 255)
        if not rule:
            problems.add("rule_name", "ElastAlert leaves it out; add it to http_post_static_payload of the rule")
        graded = _severity(alert, inner)
        techniques = attack(alert.texts("technique", "technique_id", "mitre_technique", "mitre_technique_id"), [])
        return replace(
            inner,
            title=required_title(rule or (alert.text(*TITLES) if is_guessed else inner.title), "rule_name"),
            description=alert.text("alert_text") or inner.description,
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=_time(alert, inner, received_at, problems, is_guessed=is_guessed),
            source_ref=_reference(alert, rule, payload),
            rule_id=rule or inner.rule_id,
            rule_name=rule or inner.rule_name,
            url=next((link for path in _LINKS if (link := web_link(alert.first(path)))), inner.url),
            attack=tuple(dict.fromkeys((*techniques, *inner.attack))),
            problems=(*problems.all(), *(problem for problem in inner.problems if problem.field not in _TIMES)),
        )


def _inner(document: dict[str, Any], received_at: datetime) -> tuple[NormalAlert, bool]:
    """The document as the detector of its own format reads it, else as anything is read; and which of the two. Also
    what is no alert by itself became one through the rule."""
    detector = recognise(document)
    if detector is not Generic:
        try:
            return detector.normalise(document, received_at), False
        except (RejectedError, IgnoredError):
            pass
    found = Generic.normalise(document, received_at)
    return replace(found, problems=tuple(one for one in found.problems if one.field != "detected_at")), True


def _severity(alert: Document, inner: NormalAlert) -> Graded:
    """The rule's own, else that of the alert inside; an event says nothing of its danger, a rule that hit it does."""
    for path in _SEVERITIES:
        if graded := of_anything(alert.first(path)):
            return graded
    if inner.is_severity_assumed:
        return Graded(max(inner.severity, MEDIUM), inner.severity_raw, is_assumed=True)
    return Graded(inner.severity, inner.severity_raw)


def _time(
    alert: Document, inner: NormalAlert, received_at: datetime, problems: Problems, *, is_guessed: bool
) -> datetime:
    """That of the document, which is the last of those that a rule counted; its field may have another name."""
    for path in _TIMES:
        if moment := own_time(alert.first(path), path, received_at, problems):
            return moment
    return required_time(alert, received_at, problems, *_TIMES) if is_guessed else inner.detected_at


def _reference(alert: Document, rule: str, payload: dict[str, Any]) -> str:
    """The document and the rule. Rules that count or compare send none: there the values and the time decide."""
    if sent := alert.text("_id"):
        return reference(f"{alert.text('_index')}/{sent}/{rule}")
    values = {key: value for key, value in payload.items() if key not in {"num_hits", "num_matches"}}
    return reference_from(rule, values)
