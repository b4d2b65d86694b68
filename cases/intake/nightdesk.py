"""Our own schema: unknown fields are refused by name, required ones must be readable, optional ones may be dropped."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, Pap, Tlp
from cases.intake import nightdesk_schema as schema
from cases.intake.absent import is_absent, plain
from cases.intake.base import Detector, FieldProblem, NormalAlert, RejectedError, detectors
from cases.intake.flows import flow_device
from cases.intake.identities import distinct
from cases.intake.nightdesk_parts import (
    Fields,
    read_attack,
    read_devices,
    read_flow,
    read_observables,
    read_people,
)
from cases.intake.normalise import Problems, own_time
from cases.intake.texts import one_line, reference


@detectors.register
class Nightdesk(Detector):
    """`nightdesk.alert/1`, for senders that speak to us directly."""

    slug = "nightdesk"
    label = "Nightdesk"
    order = 10

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        named = payload.get("schema")
        if isinstance(named, str) and named.startswith("nightdesk.alert/"):
            return True
        return all(name in payload for name in schema.REQUIRED) and not schema.unknown_fields(payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        problems = Problems()
        detected_at = own_time(payload.get("detected_at"), "detected_at", received_at, problems)
        severity = schema.severity(payload.get("severity"))
        flaws = [*_flaws(payload), *_unread(payload, detected_at, severity)]
        if flaws or detected_at is None or severity is None:
            raise RejectedError(*flaws)
        return _read(Fields(payload, problems), detected_at, severity, received_at)


def _flaws(payload: dict[str, Any]) -> list[FieldProblem]:
    flaws = schema.unknown_fields(payload)
    if not is_absent(named := payload.get("schema")) and named != schema.NAME:
        flaws.append(FieldProblem(field="schema", message=f"only {schema.NAME} is known"))
    return flaws


def _unread(payload: dict[str, Any], detected_at: datetime | None, severity: int | None) -> list[FieldProblem]:
    """The required fields that are missing or cannot be read."""
    is_read = {
        "source_ref": bool(plain(payload.get("source_ref"))),
        "title": bool(one_line(plain(payload.get("title")))),
        "severity": severity is not None,
        "detected_at": detected_at is not None,
    }
    wanted = {"severity": "a number from 0 to 4", "detected_at": "a time such as 2026-11-01T10:00:00Z"}
    return [
        FieldProblem(field=name, message=f"required: {wanted.get(name, 'a text')}")
        for name, fits in is_read.items()
        if not fits
    ]


def _read(alert: Fields, detected_at: datetime, severity: int, received_at: datetime) -> NormalAlert:
    sent = alert.payload
    title = plain(sent["title"])
    if len(" ".join(title[:1200].split())) > 300:
        alert.problems.add("title", "cut to 300 characters")
    rule, flow = alert.part("rule"), read_flow(alert)
    for name in sorted(schema.OURS & sent.keys()):
        alert.drop(name)
    return NormalAlert(
        title=one_line(title),
        severity=severity,
        detected_at=detected_at,
        source_ref=reference(plain(sent["source_ref"])),
        source=alert.read("source", schema.slug, ""),
        description=alert.read("description", schema.prose, ""),
        kind=alert.read("kind", schema.slug, ""),
        rule_id=rule.read("id", schema.text(255), ""),
        rule_name=rule.read("name", schema.text(255), ""),
        rule_version=rule.read("version", schema.text(64), ""),
        rule_url=rule.read("url", schema.link, ""),
        severity_raw=alert.read("severity_raw", schema.text(64), ""),
        confidence=alert.read("confidence", schema.percent, None),
        risk_score=alert.read("risk_score", schema.percent, None),
        first_seen_at=alert.time("first_seen", received_at),
        last_seen_at=alert.time("last_seen", received_at),
        count=alert.read("count", schema.count, 1),
        action=alert.read("action", schema.word(AlertAction), str(AlertAction.UNKNOWN)),
        status=alert.read("status", schema.text(64), ""),
        url=alert.read("url", schema.link, ""),
        attack=read_attack(alert),
        devices=read_devices(alert) or distinct([flow_device(flow)]),
        people=read_people(alert),
        flow=flow,
        observables=read_observables(alert),
        tlp=alert.read("tlp", schema.tlp, int(Tlp.AMBER)),
        pap=alert.read("pap", schema.pap, int(Pap.AMBER)),
        tags=alert.tags(),
        problems=alert.problems.all(),
    )
