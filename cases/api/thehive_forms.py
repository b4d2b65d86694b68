"""Our alerts in the shapes that clients of TheHive read; one dictionary serves those of version 3, 4 and 5."""

from datetime import datetime
from typing import Any

from cases.intake.base import NormalObservable, RejectedError
from cases.intake.gate import decode
from cases.intake.normalise import Problems
from cases.intake.paths import Document
from cases.intake.thehive import TheHive, TheHiveV0
from cases.intake.thehive_observables import named
from cases.models import Alert, AlertObservable

HIVES = frozenset({TheHive.slug, TheHiveV0.slug})
NEW = "New"
_TLP = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
_PAP = ("CLEAR", "GREEN", "AMBER", "RED")
_SEVERITY = ("", "LOW", "MEDIUM", "HIGH", "CRITICAL")
_STAGES = {NEW: NEW, "Imported": "Imported", "InProgress": "InProgress"}
_V0_RED = 3


def alert_form(alert: Alert, *, is_v0: bool, sees_case: bool) -> dict[str, Any]:
    """An alert as it stands here, with what TheHive knows besides out of what was sent.

    Its case is named to who may see it. Who sends is never told: that one alert has a case which others have not would
    tell of a restricted one.
    """
    sent, is_hive = payload_of(alert), alert.detector in HIVES
    created, date = _ms(alert.received_at), _ms(alert.detected_at)
    severity, tlp = max(alert.severity, 1), tlp_number(alert.tlp, is_v0=is_v0)
    form = _record(f"~{alert.pk}", "alert" if is_v0 else "Alert", alert.source, created) | {
        "type": sent.get("type") if is_hive else alert.detector,
        "source": alert.source,
        "sourceRef": sent.get("sourceRef") if is_hive else alert.source_ref,
        "title": alert.title,
        "description": alert.description,
        "severity": severity,
        "severityLabel": _SEVERITY[severity],
        "date": date,
        "tags": alert.details.get("tags", []),
        "tlp": tlp,
        "tlpLabel": _TLP[alert.tlp],
        "pap": alert.pap,
        "papLabel": _PAP[alert.pap],
        "follow": True,
        "status": alert.status or NEW,
        "stage": _STAGES.get(alert.status or NEW, "Closed"),
        "observableCount": len(alert.sightings.all()),
        "customFields": _custom(sent.get("customFields"), is_v0=is_v0),
        "extraData": {},
        "newDate": created,
        "timeToDetect": max(created - date, 0),
        "updatedAt": _ms(alert.last_seen_at) if is_v0 else None,
        "externalLink": alert.url,
        "caseId": f"~{alert.case_id}" if sees_case and alert.case_id else None,
    }
    if is_v0:
        form |= {"case": form["caseId"], "artifacts": observable_forms(alert, is_v0=True, sent=sent)}
    return {name: value for name, value in form.items() if value not in (None, "")} | {"description": alert.description}


def observable_forms(alert: Alert, *, is_v0: bool, sent: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What an alert named, in our spelling, with what its sender said of it: never what was found out since. `sent` is
    its payload where that was read already."""
    sent = payload_of(alert) if sent is None else sent
    said = named(Document(sent), Problems()).observables.all() if alert.detector in HIVES else ()
    by_key = {(one.kind, one.value): one for one in said}
    return [_observable(alert, one, by_key.get(_key(one)), is_v0=is_v0) for one in alert.sightings.all()]


def payload_of(alert: Alert) -> dict[str, Any]:
    """What was sent first, as the gate reads it; {} where no bytes are kept."""
    payload = getattr(alert, "payload", None)
    try:
        found = decode(payload.raw())[0] if payload else {}
    except RejectedError:  # a part of an envelope larger than one alert may be
        found = {}
    return found if isinstance(found, dict) else {}


def tlp_number(tlp: int, *, is_v0: bool) -> int:
    """TheHive before 5.2 has no AMBER+STRICT: it reads as the stricter RED."""
    return min(tlp, _V0_RED) if is_v0 else tlp


def _key(seen: AlertObservable) -> tuple[str, str]:
    return seen.observable.kind, seen.observable.value


def _observable(alert: Alert, seen: AlertObservable, said: NormalObservable | None, *, is_v0: bool) -> dict[str, Any]:
    one, created = seen.observable, _ms(alert.received_at)
    tlp = tlp_number(alert.tlp, is_v0=is_v0)
    return _record(f"~{seen.pk}", "case_artifact" if is_v0 else "Observable", alert.source, created) | {
        "dataType": _DATA_TYPES.get(one.kind, one.kind),
        "data": one.value,
        "startDate": created,
        "tlp": tlp,
        "tlpLabel": _TLP[alert.tlp],
        "pap": alert.pap,
        "papLabel": _PAP[alert.pap],
        "message": said.note if said else "",
        "tags": list(said.tags) if said else [],
        "ioc": bool(said and said.is_indicator),
        "sighted": False,
        "reports": {},
        "extraData": {},
        "ignoreSimilarity": False,
        "external": False,
    }


def _record(pk: str, kind: str, by: str, at: int) -> dict[str, Any]:
    """The head of every object, as version 5 and as version 4 spell it."""
    return {
        "_id": pk,
        "id": pk,
        "_type": kind,
        "_createdBy": by,
        "createdBy": by,
        "_createdAt": at,
        "createdAt": at,
    }


def _custom(sent: Any, *, is_v0: bool) -> Any:
    """As sent to version 4, and as a list with names and values for version 5."""
    if is_v0:
        return sent if isinstance(sent, dict) else {}
    if isinstance(sent, dict):
        sent = [{"name": name, "value": _typed(value)} for name, value in sent.items()]
    fields = [one for one in sent if isinstance(one, dict) and "name" in one] if isinstance(sent, list) else []
    return [
        {"_id": str(one["name"]), "name": one["name"], "description": "", "type": _type_of(one.get("value"))}
        | {"value": one.get("value"), "order": order}
        for order, one in enumerate(fields)
    ]


def _typed(value: Any) -> Any:
    """The value in version 4's `{"order": 0, "string": "fin"}`."""
    if not isinstance(value, dict):
        return value
    return next((inner for name, inner in value.items() if name != "order"), None)


def _type_of(value: Any) -> str:
    return {bool: "boolean", int: "integer", float: "float"}.get(type(value), "string")


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


_DATA_TYPES = {
    "email": "mail",
    "file_name": "filename",
    "file_path": "filename",
    "hash_md5": "hash",
    "hash_sha1": "hash",
    "hash_sha256": "hash",
    "hash_sha512": "hash",
    "registry_key": "registry",
    "user_agent": "user-agent",
    "asn": "autonomous-system",
    "user": "username",
}
