"""The record's tables."""

from cases.models.alerts import (
    Alert,
    AlertKind,
    AlertObservable,
    AlertPayload,
    AlertRevision,
    RejectedPayload,
    Sender,
)
from cases.models.cases import Case, CaseMember, CaseObservable, Note
from cases.models.evidence import CustodyEntry, CustodyHead, Evidence
from cases.models.inventory import CaseDevice, CasePerson, Device, Person
from cases.models.observables import Observable
from cases.models.readings import CaseReading
from cases.models.sources import AlertsCounted, Source, SourceHour
from cases.models.suppressions import SuppressedAlert, Suppression
from cases.models.timeline import TimelineEntry

__all__ = [
    "Alert",
    "AlertKind",
    "AlertObservable",
    "AlertPayload",
    "AlertRevision",
    "AlertsCounted",
    "Case",
    "CaseDevice",
    "CaseMember",
    "CaseObservable",
    "CasePerson",
    "CaseReading",
    "CustodyEntry",
    "CustodyHead",
    "Device",
    "Evidence",
    "Note",
    "Observable",
    "Person",
    "RejectedPayload",
    "Sender",
    "Source",
    "SourceHour",
    "SuppressedAlert",
    "Suppression",
    "TimelineEntry",
]
