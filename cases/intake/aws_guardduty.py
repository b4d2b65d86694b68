"""Amazon GuardDuty findings, as the API (`Title`) and EventBridge (`title`) write them."""

from datetime import datetime
from math import isfinite, nan
from typing import Any

from cases.choices import AlertAction
from cases.intake.aws_principals import key_holders
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalPerson, detectors
from cases.intake.flows import inner_device
from cases.intake.guardduty_actions import read_action, read_action_flow, read_finding_observables
from cases.intake.identities import device, distinct, person
from cases.intake.inner_json import opened
from cases.intake.normalise import Problems, optional_time, required_time, required_title
from cases.intake.paths import Document, key_names
from cases.intake.severities import CRITICAL, HIGH, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags

_KEYS = frozenset({"schemaversion", "service", "resource", "severity", "type"})
_STEPS = ((9, CRITICAL), (7, HIGH), (4, MEDIUM))


@detectors.register
class GuardDuty(Detector):
    """One finding; `Findings[]` and `detail` are unwrapped before. It is sent again as its count grows."""

    slug = "aws-guardduty"
    label = "Amazon GuardDuty"
    order = 170

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return ("service" in payload or "Service" in payload) and key_names(payload) >= _KEYS

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        finding, problems = Document(payload), Problems()
        graded = _severity(finding)
        action = read_action(finding)
        flow = read_action_flow(finding, action)
        count = finding.number("service.count")
        return NormalAlert(
            title=required_title(finding.text("title"), "Title"),
            description=finding.text("description"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(
                finding, received_at, problems, "createdAt", "service.eventLastSeen", "updatedAt"
            ),
            first_seen_at=optional_time(finding, received_at, "service.eventFirstSeen"),
            last_seen_at=optional_time(finding, received_at, "service.eventLastSeen"),
            count=max(count or 1, 1),
            source_ref=_reference(finding),
            rule_id=one_line(finding.text("type"), 255),
            rule_name=one_line(finding.text("type"), 255),
            action=_action(action),
            status="archived" if finding.text("service.archived") == "true" else "active",
            flow=flow,
            devices=distinct([_instance(finding)]) or distinct([inner_device(flow)]),
            people=_people(finding),
            observables=read_finding_observables(finding, action, flow),
            tags=_tags(finding),
            problems=problems.all(),
        )


def _severity(finding: Document) -> Graded:
    """1.0 to 10.0; the number may be a text."""
    sent = finding.text("severity")
    try:
        number = float(sent)
    except ValueError:
        number = nan
    if not isfinite(number):
        return Graded(MEDIUM, sent[:64], is_assumed=True)
    return Graded(next((ours for floor, ours in _STEPS if number >= floor), LOW), sent[:64])


def _reference(finding: Document) -> str:
    if sent := finding.text("arn", "id"):
        return reference(sent)
    named = ("accountId", "region", "type", "createdAt", "title", "service.eventFirstSeen")
    return reference_from(*(finding.text(path) for path in named))


def _instance(finding: Document) -> NormalDevice | None:
    """Its id names an instance in all of the cloud; the private name is only its address again."""
    instance = finding.part("resource.instanceDetails")
    return device(
        instance.text("instanceId"),
        agent_id=instance.text("instanceId"),
        is_edr=False,
        ip=instance.text("networkInterfaces.privateIpAddress", "networkInterfaces.ipv6Addresses"),
        os=instance.text("platform"),
    )


def _people(finding: Document) -> tuple[NormalPerson, ...]:
    key = finding.part("resource.accessKeyDetails")
    holders = key_holders(key.text("userType"), key.text("userName"), key.text("principalId"))
    return distinct([*holders, person(finding.text("resource.rdsDbUserDetails.user"))])


def _action(action: Document) -> str:
    """Whether the connection got through; calls of the API say nothing of it."""
    blocked = action.text("blocked")
    return str({"true": AlertAction.BLOCKED, "false": AlertAction.ALLOWED}.get(blocked, AlertAction.UNKNOWN))


def _tags(finding: Document) -> tuple[str, ...]:
    """Where in the cloud it happened, and `sample` for a finding that somebody had made as a test."""
    extra = Document({"value": opened(finding.first("service.additionalInfo.value"))})
    is_sample = "true" in {finding.text("service.additionalInfo.sample"), extra.text("value.sample")}
    places = {"account": finding.text("accountId"), "region": finding.text("region")}
    return tags(
        [
            *(["sample"] if is_sample else []),
            finding.text("resource.resourceType"),
            *(f"{name}:{value}" for name, value in places.items() if value),
        ]
    )
