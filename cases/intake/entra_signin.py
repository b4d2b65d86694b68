"""Microsoft Entra sign-ins and risk detections: the diagnostic export (`properties`) and the rows of Graph."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalPerson, detectors
from cases.intake.entra_fields import Row, attack_of, read_signin_observables, read_signin_severity, risk_events
from cases.intake.flows import read_flow
from cases.intake.identities import device, distinct, person
from cases.intake.normalise import Problems, optional_time, required_time, required_title
from cases.intake.paths import key_names
from cases.intake.texts import one_line, reference, reference_from, tags

_RISK = frozenset({"riskyusers", "userriskevents", "riskyserviceprincipals", "serviceprincipalriskevents"})
_INTERRUPTS = frozenset(  # the user is asked for more: a second factor, a new password, consent, to stay signed in
    {50055, 50058, 50072, 50074, 50076, 50079, 50097, 50125, 50127, 50129, 50140, 50143, 50144, 50203, 65001}
)
_TIMES = ("createdDateTime", "detectedDateTime", "riskLastUpdatedDateTime", "activityDateTime")
_GRAPH_ROWS = (("riskLevelDuringSignIn", "createdDateTime"), ("riskEventType", "detectedDateTime"))
_NOBODY = "00000000-0000-0000-0000-000000000000"


@detectors.register
class EntraSignIn(Detector):
    """One sign-in or risk; each that is sent is taken as an alert."""

    slug = "entra-signin"
    label = "Microsoft Entra sign-ins"
    order = 120

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        if any(level in payload and time in payload for level, time in _GRAPH_ROWS):
            return True
        category = payload.get("category") or payload.get("Category")
        word = category.casefold() if isinstance(category, str) else ""
        return ("signin" in word or word in _RISK) and "operationname" in key_names(payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        row, problems = Row(payload), Problems()
        graded = read_signin_severity(row)
        events = risk_events(row)
        operation = row.outer("operationName") or (
            "Risk detection" if row.text("riskEventType") else "Sign-in activity"
        )
        flow = read_flow(row.fields, src_ip=("ipAddress", "callerIpAddress"), dst_ip=("",))
        return NormalAlert(
            title=required_title(_title(row, events, operation), "operationName"),
            description=_description(row),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(row.fields, received_at, problems, *_TIMES, "time"),
            first_seen_at=optional_time(row.fields, received_at, "activityDateTime"),
            source_ref=_reference(row),
            rule_id=one_line(operation, 255),
            rule_name=one_line(operation, 255),
            action=_action(row),
            status=_state(row),
            attack=attack_of(row),
            flow=flow,
            devices=distinct([_device(row)]),
            people=distinct([_person(row)]),
            observables=read_signin_observables(row, flow),
            tags=tags([*events, row.outer("category"), row.text("clientAppUsed"), row.text("appDisplayName")]),
            problems=problems.all(),
        )


def _title(row: Row, events: list[str], operation: str) -> str:
    """The risks, else why it failed, else what it was."""
    if events:
        return f"{operation}: {', '.join(events)}"
    reason = row.text("resultDescription", "status.failureReason")
    return operation if reason.casefold().strip(".") in {"", "other"} else reason


def _description(row: Row) -> str:
    parts = [row.text("resultDescription", "status.failureReason"), row.text("status.additionalDetails")]
    return "\n".join(part for part in parts if part)


def _reference(row: Row) -> str:
    """The id of the sign-in; the correlation id is shared by several. A risky user keeps one id from risk to risk."""
    sent = row.text("id")
    if sent and "risky" in row.outer("category").casefold():
        return reference(f"{sent}/{row.text('riskLastUpdatedDateTime')}")
    if sent:
        return reference(sent)
    named = ("correlationId", "createdDateTime", "time", "userId", "servicePrincipalId", "ipAddress", "appId")
    return reference_from(*(row.text(path) for path in named))


def _state(row: Row) -> str:
    word = row.text("riskState")
    return "" if word.casefold() == "none" else word[:64]


def _action(row: Row) -> str:
    """Let in, or turned away; a sign-in that was only interrupted is neither yet."""
    code = row.fields.number("status.errorCode", "resultType")
    is_risk = row.outer("category").casefold() in _RISK
    if is_risk or code is None or code in _INTERRUPTS:
        return str(AlertAction.UNKNOWN)
    return str(AlertAction.BLOCKED if code else AlertAction.ALLOWED)


def _device(row: Row) -> NormalDevice | None:
    return device(
        row.text("deviceDetail.displayName"),
        directory_id=row.text("deviceDetail.deviceId"),
        ip=row.text("ipAddress", "callerIpAddress"),
        os=row.text("deviceDetail.operatingSystem"),
    )


def _person(row: Row) -> NormalPerson | None:
    """The user; a service principal or managed identity has none."""
    sent = row.text("userId") or (row.text("id") if row.outer("category").casefold() == "riskyusers" else "")
    name = row.text("userPrincipalName")
    return person(name, upn=name, directory_id="" if sent == _NOBODY else sent)
