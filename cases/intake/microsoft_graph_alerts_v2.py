"""Microsoft Graph security alerts (alerts_v2), as the API and its exporters write them."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.base import Detector, NormalAlert, detectors
from cases.intake.graph_evidence import (
    Evidence,
    read_devices,
    read_evidence,
    read_evidence_flow,
    read_evidence_observables,
    read_people,
    type_name,
)
from cases.intake.normalise import Problems, attack, optional_link, optional_time, required_time, required_title
from cases.intake.paths import Document
from cases.intake.severities import of_graph
from cases.intake.texts import one_line, reference, reference_from, tags

_REMEDIATED = {"remediated": AlertAction.QUARANTINED, "prevented": AlertAction.BLOCKED, "blocked": AlertAction.BLOCKED}


@detectors.register
class MicrosoftGraphAlerts(Detector):
    """One alert; `value[]` is unwrapped before. The older alerts with `vendorInformation` are another schema."""

    slug = "microsoft-graph-alerts-v2"
    label = "Microsoft Graph alerts"
    order = 90

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        is_named = type_name(payload).lower() == "#microsoft.graph.security.alert"
        return is_named or (isinstance(payload.get("evidence"), list) and "serviceSource" in payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        graded = of_graph(alert.text("severity"))
        evidence = read_evidence(alert)
        title = alert.text("title")
        return NormalAlert(
            title=required_title(title, "title"),
            description=alert.text("description"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(alert, received_at, problems, "createdDateTime"),
            first_seen_at=optional_time(alert, received_at, "firstActivityDateTime"),
            last_seen_at=optional_time(alert, received_at, "lastActivityDateTime"),
            source_ref=_reference(alert),
            rule_id=one_line(alert.text("detectorId") or title, 255),
            rule_name=one_line(title, 255),
            action=_action(evidence),
            status=alert.text("status")[:64],
            url=optional_link(alert, problems, "alertWebUrl"),
            attack=attack(alert.texts("mitreTechniques"), []),
            grouping_key=alert.text("incidentId")[:255],
            flow=read_evidence_flow(evidence),
            devices=read_devices(evidence),
            people=read_people(evidence),
            observables=read_evidence_observables(evidence),
            tags=tags([*alert.values("systemTags"), alert.text("category"), alert.text("serviceSource")]),
            problems=problems.all(),
        )


def _reference(alert: Document) -> str:
    if sent := alert.text("id"):
        return reference(sent)
    return reference_from(alert.text("providerAlertId"), alert.text("createdDateTime"), alert.text("title"))


def _action(evidence: list[Evidence]) -> str:
    """What was done to the evidence: the strongest word that any of it carries."""
    words = {text.casefold() for item in evidence for text in item.texts("remediationStatus", "detectionStatus")}
    found = next((action for word, action in _REMEDIATED.items() if word in words), None)
    return str(found or (AlertAction.DETECTED if "detected" in words else AlertAction.UNKNOWN))
