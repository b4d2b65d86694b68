"""Okta events of our own making, in both spellings."""

import json
from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
EVENT = {
    "uuid": "e-1",
    "published": "2026-11-01T10:00:00.123Z",
    "eventType": "user.session.start",
    "displayMessage": "User login to Okta",
    "severity": "WARN",
    "outcome": {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
    "actor": {"id": "00u1", "type": "User", "alternateId": "Ada@Corp.example", "displayName": "Ada"},
    "target": [
        {"id": "00u2", "type": "User", "alternateId": "bo@corp.example", "displayName": "Bo"},
        {"id": "00u1", "type": "User", "alternateId": "Ada@Corp.example", "displayName": "Ada"},
        {"id": "0oa1", "type": "AppInstance", "alternateId": "Payroll", "displayName": "Payroll"},
    ],
    "client": {
        "device": "Computer",
        "ipAddress": "198.51.100.4",
        "zone": "null",
        "userAgent": {"os": "Windows 11", "browser": "FIREFOX", "rawUserAgent": "Mozilla/5.0 (X)"},
    },
    "request": {"ipChain": [{"ip": "198.51.100.4"}, {"ip": "203.0.113.8"}]},
    "securityContext": {"asNumber": 64500, "isProxy": True},
    "debugContext": {"debugData": {"threatSuspected": "true", "suspiciousActivityEventIp": "203.0.113.77"}},
}


def _lowered(value):
    """As an exporter writes it: the first two levels in lower case, the deeper ones as they were."""
    return {key.lower(): child for key, child in value.items()}


@pytest.mark.parametrize("payload", [EVENT, _lowered(EVENT), {"detail-type": "Okta", "detail": EVENT}])
def test_the_case_of_keys_does_not_matter(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "okta"
    assert (alert.title, alert.rule_id) == ("User login to Okta", "user.session.start")
    assert (alert.source_ref, alert.description) == ("e-1", "INVALID_CREDENTIALS")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (2, "WARN", False)
    assert alert.action == "blocked"
    (device,) = alert.devices
    assert (device.name, device.address, device.os) == ("", "198.51.100.4", "Windows 11")
    assert [(one.upn, one.login, one.role, one.directory_id) for one in alert.people] == [
        ("ada@corp.example", "ada", "actor", ""),
        ("bo@corp.example", "bo", "target", ""),
    ]
    assert (alert.flow.src_ip, alert.flow.dst_ip) == ("198.51.100.4", "")
    assert [(one.kind, one.value, one.role) for one in alert.observables] == [
        ("ip", "198.51.100.4", "source"),
        ("ip", "203.0.113.77", "source"),
        ("ip", "203.0.113.8", "source"),
        ("asn", "64500", "source"),
        ("user_agent", "Mozilla/5.0 (X)", "source"),
        ("user", "ada@corp.example", "account"),
        ("user", "bo@corp.example", "account"),
    ]
    assert alert.observables[1].tags == ("suspicious",)
    assert alert.tags == ("proxy", "threat-suspected", "Payroll")
    assert alert.problems == ()


def test_a_hook_carries_several_events():
    second = {**EVENT, "uuid": "e-2"}
    hook = {
        "eventType": "com.okta.event_hook",
        "eventTypeVersion": "1.0",
        "cloudEventsVersion": "0.1",
        "source": "https://okta.example/api/v1/eventHooks/w1",
        "eventId": "h-1",
        "data": {"events": [EVENT, second]},
        "eventTime": "2026-11-01T10:00:05Z",
        "contentType": "application/json",
    }
    messages = split(json.dumps(hook).encode(), max_alerts=10, max_bytes=100_000).messages

    assert [read(message, "auto", NOW)[0].source_ref for message in messages] == ["e-1", "e-2"]


def test_placeholders_are_nothing_and_the_type_stands_in_for_the_message():
    payload = {
        **EVENT,
        "displayMessage": "null",
        "published": "2026-11-01 10:00:00.123",
        "client": {"device": "Unknown", "ipAddress": "null", "userAgent": {"os": "Unknown", "rawUserAgent": "unknown"}},
        "actor": {"id": "s", "type": "SystemPrincipal", "alternateId": "system@okta.com"},
        "target": None,
        "request": {},
        "securityContext": {},
        "debugContext": {"debugData": {}},
    }
    (alert,) = read(payload, "okta", NOW)

    assert (alert.title, alert.rule_name) == ("user.session.start", "user.session.start")
    assert (alert.devices, alert.people, alert.flow, alert.observables, alert.tags) == ((), (), None, (), ())
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert [problem.field for problem in alert.problems] == ["published"]


def test_a_registered_device_goes_by_its_name():
    payload = {**EVENT, "device": {"id": "guo1", "name": "LAPTOP-7", "os_platform": "WINDOWS"}}
    (device,) = read(payload, "okta", NOW)[0].devices

    assert (device.name, device.agent_id, device.is_edr, device.os) == ("LAPTOP-7", "guo1", False, "WINDOWS")
    assert device.address == "198.51.100.4"


@pytest.mark.parametrize(
    ("kind", "result", "action"),
    [
        ("user.session.start", "SUCCESS", "allowed"),
        ("policy.evaluate_sign_on", "DENY", "blocked"),
        ("policy.evaluate_sign_on", "ALLOW", "allowed"),
        ("user.account.report_suspicious_activity_by_enduser", "SUCCESS", "unknown"),
    ],
)
def test_only_a_decision_or_a_sign_in_is_an_action(kind, result, action):
    (alert,) = read({**EVENT, "eventType": kind, "outcome": {"result": result}}, "okta", NOW)

    assert alert.action == action


@pytest.mark.parametrize(
    ("word", "severity", "is_assumed"),
    [("DEBUG", 0, False), ("INFO", 0, False), ("WARN", 2, False), ("ERROR", 3, False), ("LOUD", 2, True)],
)
def test_the_scale(word, severity, is_assumed):
    (alert,) = read({**EVENT, "severity": word}, "okta", NOW)

    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (severity, word, is_assumed)


@pytest.mark.parametrize(
    ("absent", "field"), [(("displayMessage", "eventType"), "displayMessage"), (("published",), "published")]
)
def test_what_is_required_is_named(absent, field):
    with pytest.raises(RejectedError) as caught:
        read({key: value for key, value in EVENT.items() if key not in absent}, "okta", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_does_not_raise():
    (alert,) = read({**everywhere(EVENT), "published": EVENT["published"]}, "okta", NOW)

    assert len(alert.title) <= 300
    assert alert.flow is None
