"""Activities of SentinelOne: the console's log, where new threats and alerts of custom rules stand among the rest."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, ObservableKind, Role
from cases.intake.base import Detector, IgnoredError, NormalAlert, NormalFlow, NormalObservable, NormalPerson, detectors
from cases.intake.files import add_file
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.normalise import Problems, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.sentinelone_threat import of_sentinelone
from cases.intake.severities import CRITICAL, HIGH, INFO, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags

_CUSTOM_RULE = 3608  # a custom rule raised an alert
_MITIGATED, _OPEN = 18, (19, 4003, 4108, 4109)  # a new threat: stopped, and not
_LEVELS = {"e_info": INFO, "e_low": LOW, "e_medium": MEDIUM, "e_high": HIGH, "e_critical": CRITICAL}
_KEYS = frozenset({"activitytype", "activityuuid"})


@detectors.register
class SentinelOneActivity(Detector):
    """One activity, its keys in camel or lower case. Sign-ins, updates and changed settings are no alerts."""

    slug = "sentinelone-activity"
    label = "SentinelOne activities"
    order = 150

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return {key.casefold() for key in payload} >= _KEYS

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        activity, problems = Document(payload), Problems()
        number = activity.number("activityType")
        is_custom = number == _CUSTOM_RULE or bool(activity.text("data.alertId") and activity.text("data.detectedAt"))
        if not is_custom and number not in {_MITIGATED, *_OPEN}:
            said = one_line(activity.text("primaryDescription"), 100)
            raise IgnoredError(f"A SentinelOne activity of type {number} is no alert. {said}".rstrip())
        graded = _graded(activity, number)
        flow = _flow(activity)
        account = person(activity.text("data.actorAlternateId", "data.processUser"))
        return NormalAlert(
            title=required_title(
                activity.text("data.ruleName", "data.threatName", "data.fileDisplayName", "primaryDescription"),
                "primaryDescription",
            ),
            description=activity.text("primaryDescription", "data.ruleDescription"),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(activity, received_at, problems, "data.detectedAt", "createdAt"),
            source_ref=_reference(activity),
            rule_id=one_line(activity.text("data.ruleId", "data.threatClassification") or str(number), 255),
            rule_name=one_line(activity.text("data.ruleName", "data.threatClassification"), 255),
            action=str(_action(number)),
            flow=flow,
            devices=distinct(
                [
                    device(
                        activity.text("data.computerName", "agentComputerName"),
                        agent_id=activity.text("agentId", "data.agentId"),
                        is_edr=False,
                        ip=activity.text("data.agentIpV4", "data.ipAddress"),
                    )
                ]
            ),
            people=distinct([account]),
            observables=_observables(activity, flow, account),
            tags=tags([activity.text("data.threatClassification"), activity.text("data.threatClassificationSource")]),
            problems=problems.all(),
        )


def _graded(activity: Document, number: int | None) -> Graded:
    """A custom rule has a level; a threat has a confidence, and its type says whether it was stopped."""
    level = activity.text("data.severity")
    if (known := _LEVELS.get(level.casefold())) is not None:
        return Graded(known, level)
    return of_sentinelone(activity.text("data.confidenceLevel") or level, is_open=number in _OPEN)


def _action(number: int | None) -> AlertAction:
    return AlertAction.BLOCKED if number == _MITIGATED else AlertAction.DETECTED


def _reference(activity: Document) -> str:
    if sent := activity.text("id", "activityUuid"):
        return reference(sent)
    return reference_from(*(activity.text(path) for path in ("createdAt", "activityType", "agentId", "data.alertId")))


def _flow(activity: Document) -> NormalFlow | None:
    """The device's address alone makes no connection."""
    if not activity.text("data.dstIp"):
        return None
    return read_flow(
        activity,
        src_ip=("data.srcIp", "data.agentIpV4"),
        src_port=("data.srcPort",),
        dst_ip=("data.dstIp",),
        dst_port=("data.dstPort",),
    )


def _observables(
    activity: Document, flow: NormalFlow | None, account: NormalPerson | None
) -> tuple[NormalObservable, ...]:
    found = Observables()
    found.add_indicator(activity.text("data.tiIndicatorValue"))
    add_ends(found, flow)
    found.add(ObservableKind.IP, activity.text("data.agentIpV4"), Role.SOURCE)
    for name in activity.text("data.dnsRequest")[:4000].split(","):
        found.add(ObservableKind.DOMAIN, name, Role.DESTINATION)
    second = activity.text("secondaryDescription")  # a hash or a path, as the type has it
    add_file(
        found,
        name=activity.text("data.filePath") or (second if "\\" in second or second[:1] == "/" else ""),
        digests=[*activity.texts("data.fileContentHash", "data.sha256", "data.sha1", "data.md5"), second],
    )
    add_people(found, distinct([account]))
    return found.all()
