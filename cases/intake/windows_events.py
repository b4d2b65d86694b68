"""Windows events (Sysmon, Security, Defender and others) as JSON exporters and collectors send them."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.base import Detector, FieldProblem, NormalAlert, RejectedError, detectors
from cases.intake.identities import distinct
from cases.intake.normalise import Problems, attack, own_time, required_title
from cases.intake.severities import LOW
from cases.intake.texts import one_line, reference, reference_from
from cases.intake.windows_observables import read_device, read_people, read_record_flow, read_record_observables
from cases.intake.windows_records import DEFENDER, WindowsRecord, is_windows, read_record
from cases.intake.windows_titles import event_name, title_of

_DEFENDER_ACTIONS = {
    "quarantine": AlertAction.QUARANTINED,
    "remove": AlertAction.QUARANTINED,
    "block": AlertAction.BLOCKED,
    "allow": AlertAction.ALLOWED,
}
_BLOCKING = frozenset({1121, 1123, 1126})  # their twins 1122, 1124 and 1125 only watch


@detectors.register
class WindowsEvents(Detector):
    """An event is no alert by itself; each that is sent is taken as one, low by assumption."""

    slug = "windows-events"
    label = "Windows events"
    order = 40

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return is_windows(payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        record, problems = read_record(payload), Problems()
        if record.event_id is None:
            raise RejectedError(FieldProblem(field="EventID", message="required: the number of the event"))
        detected_at = own_time(record.time, record.time_path, received_at, problems)
        if detected_at is None:
            raise RejectedError(FieldProblem(field=record.time_path, message="required: the time of the event"))
        if payload.get("is_cut"):
            problems.add("Event.EventData", "the event was cut on its way; values behind the cut are missing")
        flow = read_record_flow(record)
        rule_words = record.text("rulename")
        return NormalAlert(
            title=required_title(title_of(record), "EventID"),
            description=record.message,
            severity=LOW,
            severity_raw=record.text("severity name")[:64],
            is_severity_assumed=True,
            detected_at=detected_at,
            source_ref=_reference(record),
            rule_id=f"{record.provider or record.channel}:{record.event_id}"[:255],
            rule_name=event_name(record) or one_line(rule_words, 255),
            action=_action(record),
            attack=attack(_techniques(rule_words), []),
            flow=flow,
            devices=distinct([read_device(record, flow)]),
            people=read_people(record),
            observables=read_record_observables(record, flow),
            problems=problems.all(),
        )


def _reference(record: WindowsRecord) -> str:
    """Computer, channel and record number name an event; without a number its own values do."""
    if record.record_id and record.computer:
        return reference(f"{record.computer}/{record.channel}/{record.record_id}")
    values = {name: str(value) for name, value in record.data.items()}
    return reference_from(record.computer, record.channel, record.provider, record.event_id, str(record.time), values)


def _action(record: WindowsRecord) -> str:
    if record.provider.casefold() != DEFENDER.casefold():
        return str(AlertAction.UNKNOWN)
    if record.event_id in _BLOCKING:
        return str(AlertAction.BLOCKED)
    return str(_DEFENDER_ACTIONS.get(record.text("action name").casefold(), AlertAction.DETECTED))


def _techniques(rule_words: str) -> list[str]:
    """Sysmon's rule names often read `technique_id=T1059.001,technique_name=PowerShell`."""
    pairs = (pair.partition("=") for pair in rule_words[:500].split(","))
    return [value.strip() for name, _, value in pairs if name.strip().casefold() == "technique_id"]
