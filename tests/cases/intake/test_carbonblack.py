"""Carbon Black Cloud: analytics and watchlist alerts of version 7."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ALERT = {
    "org_key": "K",
    "id": "c-1",
    "type": "WATCHLIST",
    "reason": "A shell was started by the mail program.",
    "report_description": "Shells of mail programs.",
    "watchlists": [{"id": "w-1", "name": "Shells"}],
    "severity": 8,
    "detection_timestamp": "2026-11-01T10:05:00.123Z",
    "first_event_timestamp": "2026-11-01T10:00:00Z",
    "last_event_timestamp": "2026-11-01T10:01:00Z",
    "device_id": 77,
    "device_name": "CORP\\PC-4",
    "device_internal_ip": "10.1.2.3",
    "device_external_ip": "198.51.100.1",
    "device_os": "WINDOWS",
    "device_username": "ada@corp.example",
    "process_username": "CORP\\Ada",
    "process_name": "c:\\temp\\x.exe",
    "process_cmdline": "x -y",
    "process_sha256": "AB" * 32,
    "parent_name": "c:\\office\\mail.exe",
    "netconn_remote_ip": "203.0.113.9",
    "netconn_remote_domain": "evil.example",
    "netconn_remote_port": 443,
    "netconn_local_ip": "10.1.2.3",
    "netconn_protocol": "TCP",
    "attack_tactic": "TA0002",
    "attack_technique": "T1059.001",
    "ttps": ["MITRE_T1055_PROCESS_INJECT", "UNKNOWN_APP"],
    "sensor_action": "ALLOW",
    "workflow": {"status": "OPEN"},
    "alert_url": "https://cb.example/a?id=c-1",
}


def test_an_alert_is_read_whole():
    ((detector, alert),) = read_with({"results": [ALERT], "num_found": 1}, "auto", NOW)
    (device,) = alert.devices

    assert detector.slug == "carbonblack"
    assert (alert.title, alert.rule_id, alert.rule_name) == (ALERT["reason"], "w-1", "Shells")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 5, 0, 123000, tzinfo=UTC)
    assert (alert.first_seen_at.minute, alert.last_seen_at.minute) == (0, 1)
    assert (alert.source_ref, alert.status, alert.url) == ("c-1", "OPEN", "https://cb.example/a?id=c-1")
    assert (alert.severity, alert.severity_raw, alert.action) == (3, "8", "allowed")
    assert (device.name, device.agent_id, device.is_edr) == ("PC-4", "77", False)
    assert (device.address, device.os) == ("10.1.2.3", "WINDOWS")
    assert [(one.upn or one.login, one.domain, one.role) for one in alert.people] == [
        ("ada", "CORP", "actor"),
        ("ada@corp.example", "", "logged_on"),
    ]
    assert alert.attack == (("T1059.001", "TA0002"), ("T1055", ""))
    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.2.3", "203.0.113.9", 443)
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "203.0.113.9"),
        ("domain", "evil.example"),
        ("process", "c:\\temp\\x.exe"),
        ("command_line", "x -y"),
        ("hash_sha256", "ab" * 32),
        ("process", "c:\\office\\mail.exe"),
        ("user", "corp\\ada"),
        ("user", "ada@corp.example"),
    ]
    assert alert.problems == ()


@pytest.mark.parametrize(
    ("sent", "severity"), [(1, 1), (3, 1), ("4", 2), (6, 2), (7, 3), (8, 3), (9, 4), (10, 4), (0, 2), (11, 2)]
)
def test_the_scale_of_ten(sent, severity):
    (alert,) = read({**ALERT, "severity": sent}, "carbonblack", NOW)

    assert (alert.severity, alert.is_severity_assumed) == (severity, sent in {0, 11})


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({"sensor_action": "TERMINATE"}, "blocked"),
        ({"sensor_action": "DENY"}, "blocked"),
        ({"ttps": ["POLICY_TERMINATE"]}, "blocked"),
        ({"sensor_action": "ALLOW_AND_LOG"}, "allowed"),
        ({"sensor_action": None}, "unknown"),
    ],
)
def test_what_sensor_or_policy_did(change, action):
    assert read({**ALERT, **change}, "carbonblack", NOW)[0].action == action


def test_an_inbound_connection_comes_from_the_remote_end():
    (alert,) = read({**ALERT, "netconn_inbound": True, "netconn_local_port": 22}, "carbonblack", NOW)

    assert (alert.flow.src_ip, alert.flow.src_port, alert.flow.dst_port) == ("203.0.113.9", 443, 22)


def test_a_time_without_a_zone_is_taken_as_utc_and_said_so():
    (alert,) = read({**ALERT, "detection_timestamp": "2026-11-01 10:05:00.508000000"}, "carbonblack", NOW)

    assert alert.detected_at == datetime(2026, 11, 1, 10, 5, 0, 508000, tzinfo=UTC)
    assert [problem.field for problem in alert.problems] == ["detection_timestamp"]


def test_a_rule_stands_in_for_a_reason():
    assert read({**ALERT, "reason": None}, "carbonblack", NOW)[0].title == "Shells"


@pytest.mark.parametrize(
    ("lost", "field"),
    [(("reason", "watchlists"), "reason"), (("detection_timestamp",), "detection_timestamp")],
)
def test_without_title_or_time_it_is_refused_by_name(lost, field):
    with pytest.raises(RejectedError) as caught:
        read({**ALERT, **dict.fromkeys(lost)}, "carbonblack", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_never_rejects():
    payload = {**everywhere(ALERT), "detection_timestamp": ALERT["detection_timestamp"]}
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "carbonblack"
    assert 0 < len(alert.title) <= 300
    assert [problem.field for problem in alert.problems] == ["alert_url"]
