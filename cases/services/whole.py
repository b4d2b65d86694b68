"""A case, or an alert, as one JSON value (CONTRACTS.md part 2)."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from cases.choices import Pap, Tlp
from cases.models import Alert, Case
from secops.registry import case_sections

FLOW = ("src_ip", "src_port", "dst_ip", "dst_port", "proto", "bytes_out", "bytes_in")
_OWN = frozenset({"devices", "people", "attack", "tags", "direction", "observables", "kind"})


def as_json(case: Case) -> dict[str, Any]:
    """The whole case: what the record holds, then the part of each floor above."""
    whole = {
        "id": case.number,
        "title": case.title,
        "kind": case.kind.slug if case.kind else None,
        "stage": case.stage,
        "disposition": case.disposition or None,
        "close_reason": case.close_reason or None,
        "severity": case.severity,
        "tlp": tlp_word(case.tlp),
        "pap": pap_word(case.pap),
        "restricted": case.is_restricted,
        "covert": case.is_covert,
        "assignee": case.assignee.get_username() if case.assignee else None,
        "opened_at": stamp(case.opened_at),
        "acknowledged_at": stamp(case.acknowledged_at),
        "sla_due_at": stamp(case.sla_due_at),
        "closed_at": stamp(case.closed_at),
        "alert_count": case.alert_count,
        "event_count": case.event_count,
        "risk": {"score": case.risk_score, "reasons": [], "missing": []} | case.risk,
        "enrichment": case.enrichment,
        "answers": {},
        "alerts": _alerts(case),
        "observables": _observables(case),
        "devices": _devices(case),
        "people": _people(case),
        "runs": [],
        "evidence": _evidence(case),
        "timeline": [
            {"id": entry.pk, "at": stamp(entry.at), "who": entry.who, "text": entry.text}
            | ({"kind": entry.kind, "occurred_at": stamp(entry.occurred_at)} if entry.occurred_at else {})
            for entry in case.timeline.order_by("seq")
        ],
    }
    for _, section in case_sections.items():
        whole |= section(case)
    return whole


def alert_as_json(alert: Alert) -> dict[str, Any]:
    """An alert as nightdesk.alert/1, with its number, its count and what was repaired in it."""
    flow = {name: value for name in FLOW if (value := getattr(alert, name)) not in {None, ""}}
    if alert.details.get("direction"):
        flow["direction"] = alert.details["direction"]
    rule = {"id": alert.rule_id, "name": alert.rule_name}
    rule |= {"version": alert.details.get("rule_version"), "url": alert.details.get("rule_url")}
    return {
        "schema": "nightdesk.alert/1",
        "id": alert.number,
        "source": alert.source,
        "source_ref": alert.source_ref,
        "detector": alert.detector,
        "title": alert.title,
        "description": alert.description or None,
        "kind": alert.kind.slug if alert.kind else None,
        "rule": {name: value for name, value in rule.items() if value},
        "severity": alert.severity,
        "detected_at": stamp(alert.detected_at),
        "received_at": stamp(alert.received_at),
        "last_seen_at": stamp(alert.last_seen_at),
        "count": alert.count,
        "action": alert.action,
        "status": alert.status or None,
        "url": alert.url or None,
        "tlp": tlp_word(alert.tlp),
        "pap": pap_word(alert.pap),
        "attack": alert.details.get("attack", []),
        "devices": alert.details.get("devices", []),
        "people": alert.details.get("people", []),
        "tags": alert.details.get("tags", []),
        "flow": flow,
        "details": {name: value for name, value in alert.details.items() if name not in _OWN},
        "errors": alert.problems,
    }


def sightings(alert: Alert) -> list[dict[str, Any]]:
    """The observables as the alert named them."""
    seen = alert.sightings.select_related("observable").order_by("pk")
    return [{"kind": one.observable.kind, "value": one.observable.value, "role": one.role} for one in seen]


def stamp(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def tlp_word(number: int) -> str:
    return Tlp(number).label.lower()


def pap_word(number: int) -> str:
    return Pap(number).label.lower()


def _alerts(case: Case) -> list[dict[str, Any]]:
    return [alert_as_json(alert) for alert in case.alerts.select_related("kind").order_by("pk")]


def _observables(case: Case) -> list[dict[str, Any]]:
    links = case.links.select_related("observable", "found_in")
    links = links.order_by("observable__kind", "observable__value", "role")
    return [
        {
            "kind": link.observable.kind,
            "value": link.observable.value,
            "role": link.role,
            "verdict": link.observable.verdict or None,
            "indicator": link.observable.is_indicator,
            "count": link.count,
            "first_seen_at": stamp(link.first_seen_at),
            "found_in": link.found_in.number if link.found_in else None,
        }
        for link in links
    ]


def _devices(case: Case) -> list[dict[str, Any]]:
    parts = case.case_devices.select_related("device", "device__owner").order_by("pk")
    names = ("name", "agent_id", "directory_id", "mac", "fqdn", "os", "kind", "group", "site")
    return [
        {name: getattr(part.device, name) or None for name in names}
        | {
            "owner": part.device.owner.login if part.device.owner else None,
            "critical": part.device.is_critical,
            "state": part.state,
            "reason": part.reason,
            "address": part.address or None,
        }
        for part in parts
    ]


def _people(case: Case) -> list[dict[str, Any]]:
    names = ("login", "upn", "name", "title", "department", "site", "manager_name")
    return [
        {name: getattr(part.person, name) or None for name in names}
        | {"privileged": part.person.is_privileged, "leaver": part.person.is_leaver, "role": part.role}
        for part in case.case_people.select_related("person").order_by("pk")
    ]


def _evidence(case: Case) -> list[dict[str, Any]]:
    entries: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in case.custody.order_by("seq"):
        entries[entry.evidence_id].append({"seq": entry.seq, "hash": entry.hash} | entry.body())
    names = (
        "kind",
        "title",
        "sha256",
        "size",
        "file_name",
        "source_sha256",
        "serial",
        "seal_number",
        "shelf",
        "holder",
        "acquired_by",
        "acquired_from",
        "tool",
        "tool_version",
    )
    return [
        {"id": item.number, "state": item.state, "original": item.original.number if item.original else None}
        | {name: None if (value := getattr(item, name)) == "" else value for name in names}
        | {"hazardous": item.is_hazardous, "held": item.is_held, "received_at": stamp(item.received_at)}
        | {"acquired_at": stamp(item.acquired_at)}
        | {"sealed_at": stamp(item.sealed_at), "verified_at": stamp(item.verified_at)}
        | {"destroyed_at": stamp(item.destroyed_at), "custody": entries[item.pk]}
        for item in case.evidence.select_related("original")
    ]
