"""The record of another detector that Wazuh carries in `data`."""

from dataclasses import dataclass
from datetime import datetime

from cases.intake.base import (
    Detector,
    IgnoredError,
    NormalAlert,
    NormalFlow,
    NormalObservable,
    NormalPerson,
    RejectedError,
)
from cases.intake.paths import Document
from cases.intake.suricata import Suricata
from cases.intake.windows_observables import read_people, read_record_flow, read_record_observables
from cases.intake.windows_records import read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """What the inner record adds. `is_of_sensor`: the agent watched others and is not itself the device."""

    title: str = ""
    severity: int = 0
    action: str = "unknown"
    attack: tuple[tuple[str, str], ...] = ()
    flow: NormalFlow | None = None
    people: tuple[NormalPerson, ...] = ()
    observables: tuple[NormalObservable, ...] = ()
    is_of_sensor: bool = False


def read_inner(alert: Document, received_at: datetime) -> Inner | None:
    """The Suricata record or Windows event inside, or None where there is neither."""
    data = alert.part("data")
    if data.objects("win.system"):
        record = read_record(data.payload)
        flow = read_record_flow(record)
        return Inner(flow=flow, people=read_people(record), observables=read_record_observables(record, flow))
    if data.text("event_type") == "alert" and data.objects("alert"):
        return _of_sensor(Suricata, {"timestamp": alert.text("timestamp"), **data.payload}, received_at)
    return None


def _of_sensor(detector: type[Detector], payload: dict[str, object], received_at: datetime) -> Inner | None:
    try:
        found: NormalAlert = detector.normalise(payload, received_at)
    except (RejectedError, IgnoredError):  # Wazuh's own fields are enough for an alert
        return None
    return Inner(
        title=found.title,
        severity=found.severity,
        action=found.action,
        attack=found.attack,
        flow=found.flow,
        observables=found.observables,
        is_of_sensor=True,
    )
