"""CrowdStrike Falcon: detections of the event stream in its older and newer names, as forwarders and the API send them.

Records of the Falcon Data Replicator (`event_simpleName`) come through the same pipes and are telemetry.
"""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.attack_names import attack_pair
from cases.intake.base import Detector, IgnoredError, NormalAlert, detectors
from cases.intake.crowdstrike_parts import read_device, read_network, read_observables, read_people
from cases.intake.identities import distinct
from cases.intake.inner_json import inner_document
from cases.intake.normalise import MAX_TECHNIQUES, Problems, optional_link, optional_time, required_time, required_title
from cases.intake.paths import Document, whole_number
from cases.intake.severities import CRITICAL, HIGH, INFO, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags

_WORDS = {"informational": INFO, "low": LOW, "medium": MEDIUM, "high": HIGH, "critical": CRITICAL}
_OLD_NUMBERS = {1: INFO, 2: LOW, 3: MEDIUM, 4: HIGH, 5: CRITICAL}
_NEW_NUMBERS = ((80, CRITICAL), (60, HIGH), (40, MEDIUM), (20, LOW), (0, INFO))
_NO_ALERTS = ("audit", "remoteresponsesession", "firewallmatch", "scheduledreport", "sensorstatus")
_NAMES = ("Name", "DetectName")
_DESCRIPTIONS = ("Description", "DetectDescription")
_TIMES = ("timestamp", "UTCTimestamp", "eventCreationTime", "ContextTimeStamp", "ProcessStartTime", "StartTime")
_PREVENTED = (
    *("ProcessBlocked", "KillProcess", "KillParent", "KillSubProcess", "OperationBlocked", "FsOperationBlocked"),
    *("RegistryOperationBlocked", "SuspendProcess", "SuspendParent"),
)


@detectors.register
class CrowdStrike(Detector):
    """A detection summary, alone or in the `event` of the stream; audits, sessions and telemetry are no alerts."""

    slug = "crowdstrike"
    label = "CrowdStrike Falcon"
    order = 130

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        if _is_named(payload):
            return True
        event, metadata = payload.get("event"), payload.get("metadata")
        if not isinstance(event, dict):
            return False
        is_stream = isinstance(metadata, dict) and "eventType" in metadata and "customerIDString" in metadata
        return is_stream or _is_named(event)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        event, problems = Document(_flat(payload)), Problems()
        kind = event.text("event_simpleName", "ExternalApiType", "eventType").removeprefix("Event_")
        if event.text("event_simpleName") or any(word in kind.casefold() for word in _NO_ALERTS):
            raise IgnoredError(f"A CrowdStrike {one_line(kind, 60)} record is no alert.")
        graded = _graded(event)
        flow, people = read_network(event), read_people(event)
        technique = event.text("Technique")
        title = event.text(*_NAMES, *_DESCRIPTIONS)
        return NormalAlert(
            title=required_title(title, "Name"),
            description=event.text(*_DESCRIPTIONS),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(event, received_at, problems, *_TIMES),
            first_seen_at=optional_time(event, received_at, "ProcessStartTime", "StartTime"),
            last_seen_at=optional_time(event, received_at, "ProcessEndTime", "EndTime"),
            source_ref=_reference(event),
            rule_id=one_line(event.text("PatternId") or technique or title, 255),
            rule_name=one_line(technique or title, 255),
            action=str(_action(event)),
            status=event.text("Status")[:64],
            url=optional_link(event, problems, "FalconHostLink"),
            attack=_attack(event),
            flow=flow,
            devices=distinct([read_device(event)]),
            people=people,
            observables=read_observables(event, flow, people),
            tags=tags([event.text("Tactic"), technique]),
            problems=problems.all(),
        )


def _is_named(event: dict[str, Any]) -> bool:
    named = event.get("ExternalApiType")
    return (isinstance(named, str) and named.startswith("Event_")) or "event_simpleName" in event


def _flat(payload: dict[str, Any]) -> dict[str, Any]:
    """The event with what the stream says about it."""
    event, metadata = payload.get("event"), payload.get("metadata")
    if _is_named(payload) or not isinstance(event, dict):
        return payload
    return {**metadata, **event} if isinstance(metadata, dict) else event


def _graded(event: Document) -> Graded:
    """The name is sure; the number counts to 5 in older streams and to 100 in newer ones."""
    word = event.text("SeverityName")
    if (known := _WORDS.get(word.casefold())) is not None:
        return Graded(known, word)
    number = whole_number(event.first("Severity"))
    if number is None or not 0 <= number <= 100:
        return Graded(MEDIUM, word or event.text("Severity"), is_assumed=True)
    ours = _OLD_NUMBERS.get(number)
    if ours is None:
        ours = next(step for floor, step in _NEW_NUMBERS if number >= floor)
    return Graded(ours, str(number), is_assumed=True)


def _reference(event: Document) -> str:
    if sent := event.text("CompositeId", "DetectId"):
        return reference(sent)
    paths = (*_TIMES, "aid", "AgentIdString", "SensorId", "ProcessId", "PatternId", *_NAMES)
    return reference_from(*(event.text(path) for path in paths))


def _action(event: Document) -> AlertAction:
    """What prevention did; with its policy switched off, only what it would have done."""
    flags = inner_document(event.first("PatternDispositionFlags"))
    said = {path for path in flags.payload if flags.text(path).casefold() == "true"}
    if not said:
        return AlertAction.UNKNOWN
    if "PolicyDisabled" in said:
        return AlertAction.DETECTED
    if "QuarantineFile" in said:
        return AlertAction.QUARANTINED
    return AlertAction.BLOCKED if said & set(_PREVENTED) else AlertAction.DETECTED


def _attack(event: Document) -> tuple[tuple[str, str], ...]:
    """Ids where they are sent, else names; the product has techniques of its own that are none of ATT&CK."""
    pairs: list[tuple[str, str]] = []
    for known in event.objects("MitreAttack"):
        tactic = known.text("TacticID", "TacticId", "Tactic")
        pairs += attack_pair(known.text("TechniqueID", "TechniqueId", "Technique"), tactic)
    if not pairs:
        tactic = event.text("TacticId", "TacticID", "Tactic")
        pairs += attack_pair(event.text("TechniqueId", "TechniqueID", "Technique"), tactic)
    return tuple(dict.fromkeys(pairs))[:MAX_TECHNIQUES]
