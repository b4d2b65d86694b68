"""AWS Security Hub findings in its finding format (ASFF), whichever product made them."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.asff_parts import Parts, read_asff_flow, read_asff_observables, read_instances, read_key_holders
from cases.intake.attack_names import tactic_id
from cases.intake.base import Detector, NormalAlert, detectors
from cases.intake.flows import inner_device
from cases.intake.identities import distinct
from cases.intake.normalise import Problems, attack, optional_link, optional_time, required_time, required_title
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, HIGH, INFO, LOW, MEDIUM, Graded, of_check, of_word
from cases.intake.texts import one_line, reference, reference_from, tags

_SCALE = {"informational": INFO, "low": LOW, "medium": MEDIUM, "high": HIGH, "critical": CRITICAL}
_STEPS = ((90, CRITICAL), (70, HIGH), (40, MEDIUM), (1, LOW), (0, INFO))


@detectors.register
class SecurityHub(Detector):
    """One finding; `Findings[]` and `detail.findings[]` are unwrapped before. It is sent again when it changes."""

    slug = "aws-securityhub-asff"
    label = "AWS Security Hub"
    order = 160

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return "ProductArn" in payload and "SchemaVersion" in payload

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        finding, problems = Document(payload), Problems()
        graded = of_check(_severity(finding), finding.text("Compliance.Status"))
        parts = Parts(finding)
        flow = read_asff_flow(parts)
        return NormalAlert(
            title=required_title(finding.text("Title"), "Title"),
            description=finding.text("Description"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(
                finding, received_at, problems, "CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"
            ),
            first_seen_at=optional_time(finding, received_at, "FirstObservedAt"),
            last_seen_at=optional_time(finding, received_at, "LastObservedAt"),
            count=max(parts.product.number("service.count") or 1, 1),
            source_ref=_reference(finding),
            rule_id=one_line(finding.text("GeneratorId"), 255),
            rule_name=one_line(finding.text("Types") or finding.text("GeneratorId"), 255),
            action=_action(parts),
            status=_status(finding),
            url=optional_link(finding, problems, "SourceUrl"),
            attack=_attack(finding),
            flow=flow,
            devices=read_instances(finding) or distinct([inner_device(flow)]),
            people=read_key_holders(finding),
            observables=read_asff_observables(parts, flow),
            tags=_tags(parts),
            problems=problems.all(),
        )


def _severity(finding: Document) -> Graded:
    """The label, else the normalised number; `Product` is on the product's own scale."""
    if label := finding.text("Severity.Label", "FindingProviderFields.Severity.Label"):
        return of_word(label, _SCALE)
    number = finding.number("Severity.Normalized", "FindingProviderFields.Severity.Normalized")
    if number is None or not 0 <= number <= 100:
        return Graded(MEDIUM, finding.text("Severity.Normalized")[:64], is_assumed=True)
    return Graded(next(ours for floor, ours in _STEPS if number >= floor), str(number))


def _reference(finding: Document) -> str:
    if sent := finding.text("Id"):
        return reference(sent)
    named = ("ProductArn", "AwsAccountId", "Region", "GeneratorId", "CreatedAt", "Title", "Resources.Id")
    return reference_from(*(finding.text(path) for path in named))


def _status(finding: Document) -> str:
    """Put away, or where the work on it stands."""
    if finding.text("RecordState").upper() == "ARCHIVED":
        return "ARCHIVED"
    return finding.text("Workflow.Status", "WorkflowState")[:64]


def _action(parts: Parts) -> str:
    blocked = parts.action.text("blocked")
    return str({"true": AlertAction.BLOCKED, "false": AlertAction.ALLOWED}.get(blocked, AlertAction.UNKNOWN))


def _attack(finding: Document) -> tuple[tuple[str, str], ...]:
    """A type reads `TTPs/Initial Access/UnauthorizedAccess:...`: the second part is a tactic."""
    types = [text.split("/") for text in finding.texts("Types")]
    return attack([], [tactic_id(parts[1]) for parts in types if parts[0] == "TTPs" and len(parts) > 1])


def _tags(parts: Parts) -> tuple[str, ...]:
    """The product, the types, where in the cloud, how a check ended, and `sample` for a finding made as a test."""
    finding = parts.finding
    places = {"account": finding.text("AwsAccountId"), "region": finding.text("Region", "Resources.Region")}
    return tags(
        [
            *(["sample"] if parts.product.text("service.additionalInfo.sample") == "true" else []),
            finding.text("ProductName") or finding.text("ProductFields.aws/securityhub/ProductName"),
            *finding.texts("Types"),
            finding.text("Compliance.Status"),
            *(f"{name}:{value}" for name, value in places.items() if value),
        ]
    )
