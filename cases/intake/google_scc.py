"""Google Security Command Center: findings as its notifications carry them, and the older log entries."""

from datetime import datetime
from typing import Any

from cases.intake.attack_names import tactic_id, technique_id
from cases.intake.base import Detector, NormalAlert, detectors
from cases.intake.flows import inner_device
from cases.intake.identities import distinct
from cases.intake.normalise import Problems, attack, optional_link, own_time, required_time, required_title
from cases.intake.paths import Document
from cases.intake.scc_parts import read_principals, read_scc_device, read_scc_flow, read_scc_observables
from cases.intake.severities import CRITICAL, HIGH, LOW, MEDIUM, Graded, of_word
from cases.intake.texts import one_line, reference, reference_from, tags

_SCALE = {"low": LOW, "medium": MEDIUM, "high": HIGH, "critical": CRITICAL}
_PARENTS = ("organizations/", "folders/", "projects/")
_LOG = "threatdetection.googleapis.com"


@detectors.register
class GoogleSCC(Detector):
    """One finding with its resource. A log entry says the same under `jsonPayload`, without an id of the finding."""

    slug = "google-scc"
    label = "Google Security Command Center"
    order = 180

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        finding = payload.get("finding", payload)
        name = finding.get("name") if isinstance(finding, dict) else None
        is_finding = isinstance(name, str) and name.startswith(_PARENTS) and "/findings/" in name
        return is_finding or "notificationConfigName" in payload or _is_log_entry(payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        notice, problems = Document(payload), Problems()
        finding = _finding(notice)
        graded = _severity(finding)
        category = finding.text("category", "sourceProperties.detectionCategory.ruleName")
        flow = read_scc_flow(finding)
        return NormalAlert(
            title=required_title(category, "finding.category"),
            description=finding.text("description", "sourceProperties.Explanation", "sourceProperties.explanation"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=_time(finding, received_at, problems),
            source_ref=_reference(finding, category),
            rule_id=one_line("/".join(part for part in (finding.text("parent"), category) if part), 255),
            rule_name=one_line(category, 255),
            status=finding.text("state")[:64],
            url=optional_link(finding, problems, "externalUri"),
            attack=_attack(finding),
            flow=flow,
            devices=distinct([read_scc_device(finding) or inner_device(flow)]),
            people=read_principals(finding),
            observables=read_scc_observables(finding, flow),
            tags=_tags(finding),
            problems=problems.all(),
        )


def _is_log_entry(payload: dict[str, Any]) -> bool:
    log = payload.get("logName")
    return isinstance(log, str) and _LOG in log and isinstance(payload.get("jsonPayload"), dict)


def _finding(notice: Document) -> Document:
    """The finding with its resource beside it, or a log entry in the same words."""
    payload = notice.payload
    if _is_log_entry(payload):
        entry = {key: payload[key] for key in ("timestamp", "insertId", "severity", "logName") if key in payload}
        return Document({**entry, "sourceProperties": payload["jsonPayload"]})
    finding = payload.get("finding")
    if not isinstance(finding, dict):
        return notice
    return Document({"resource": payload.get("resource"), **finding})


def _severity(finding: Document) -> Graded:
    """The finding's own word; older sources have it among their properties."""
    return of_word(finding.text("severity", "sourceProperties.detectionPriority"), _SCALE)


def _time(finding: Document, received_at: datetime, problems: Problems) -> datetime:
    """When it happened last; some sources write `{"seconds": "1574448876", "nanos": 6.88E8}`."""
    for path in ("eventTime", "createTime", "timestamp"):
        if seconds := finding.text(f"{path}.seconds"):
            nanos = finding.text(f"{path}.nanos").partition(".")[0]
            text = f"{seconds}.{nanos.zfill(9)}" if nanos.isdigit() else seconds
            if moment := own_time(text, f"finding.{path}", received_at, problems):
                return moment
    return required_time(finding, received_at, problems, "eventTime", "createTime", "timestamp")


def _reference(finding: Document, category: str) -> str:
    if sent := finding.text("name"):
        return reference(sent)
    named = ("insertId", "logName", "timestamp", "eventTime", "parent", "resourceName")
    instance = finding.text("sourceProperties.properties.instanceDetails")
    return reference_from(category, instance, *(finding.text(path) for path in named))


def _attack(finding: Document) -> tuple[tuple[str, str], ...]:
    """Both are named in capitals: COMMAND_AND_CONTROL, VALID_ACCOUNTS. The tactic tells techniques of a name apart."""
    main = finding.text("mitreAttack.primaryTactic")
    techniques = [
        technique_id(word, main) or technique_id(word) for word in finding.texts("mitreAttack.primaryTechniques")
    ]
    others = map(technique_id, finding.texts("mitreAttack.additionalTechniques"))
    tactics = map(tactic_id, [main, *finding.texts("mitreAttack.additionalTactics")])
    return attack([*techniques, *others], list(tactics))


def _tags(finding: Document) -> tuple[str, ...]:
    """The kind of finding, who made it, and the project."""
    project = finding.text(
        "resource.project_display_name", "resource.projectDisplayName", "sourceProperties.properties.network.project"
    )
    place = f"project:{project}" if project else ""
    return tags([finding.text("findingClass"), finding.text("sourceDisplayName"), place])
