"""SentinelOne: threats as the API gives them, and the few activities of the console's log that are alerts."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
AT = datetime(2026, 11, 1, 10, 5, tzinfo=UTC)
PATH = "\\Device\\HarddiskVolume3\\Users\\ada\\x.exe"
THREAT = {
    "id": "7001",
    "agentDetectionInfo": {
        "agentDomain": "corp.example",
        "agentIpV4": "127.0.0.1,10.9.9.9",
        "agentLastLoggedInUserName": "Bo",
        "agentOsName": None,
    },
    "agentRealtimeInfo": {
        "agentComputerName": "PC-3",
        "agentUuid": "u-3",
        "agentDomain": "WORKGROUP",
        "agentOsName": "Windows 11",
        "networkInterfaces": [
            {"inet": ["10.1.1.1"], "physical": "06:00:00:00:00:01"},
            {"inet": ["10.9.9.9"], "physical": "06:00:00:00:00:02"},
        ],
    },
    "indicators": [
        {
            "category": "Evasion",
            "description": "Hid its own file",
            "tactics": [
                {"name": "Defense Evasion", "techniques": [{"name": "T1564.001"}, {"name": "Masquerading"}]},
                {"name": "Impact", "techniques": []},
            ],
        }
    ],
    "mitigationStatus": [{"action": "quarantine", "status": "failed"}, {"action": "kill", "status": "success"}],
    "threatInfo": {
        "threatName": "x.exe",
        "classification": "Trojan",
        "detectionType": "dynamic",
        "confidenceLevel": "malicious",
        "mitigationStatus": "mitigated",
        "incidentStatus": "unresolved",
        "identifiedAt": "2026-11-01T10:05:00.000000Z",
        "createdAt": "2026-11-01T10:06:00.000000Z",
        "processUser": "CORP\\Ada",
        "initiatingUsername": "console person",
        "filePath": PATH,
        "sha1": "AB" * 20,
        "sha256": None,
        "md5": None,
        "originatorProcess": "explorer.exe",
        "maliciousProcessArguments": "x -y",
        "engines": ["Behavioral"],
    },
}


def test_a_threat_is_read_whole():
    ((detector, alert),) = read_with({"data": [THREAT], "pagination": {"totalItems": 1}}, "auto", NOW)
    (device,) = alert.devices

    assert detector.slug == "sentinelone-threat"
    assert (alert.title, alert.rule_id, alert.rule_name) == ("x.exe", "Trojan", "Trojan, dynamic")
    assert (alert.source_ref, alert.detected_at, alert.status) == ("7001", AT, "unresolved")
    assert (alert.severity, alert.severity_raw, alert.action) == (3, "malicious", "blocked")
    assert (device.name, device.fqdn) == ("PC-3", "pc-3.corp.example")
    assert (device.agent_id, device.is_edr, device.os) == ("u-3", False, "Windows 11")
    assert (device.address, device.mac) == ("10.9.9.9", "06:00:00:00:00:02")
    assert [(one.login, one.domain, one.role) for one in alert.people] == [
        ("ada", "CORP", "actor"),
        ("bo", "", "logged_on"),
    ]
    assert alert.attack == (("T1564.001", "TA0005"), ("T1036", "TA0005"), ("", "TA0040"))
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("hash_sha1", "ab" * 20),
        ("file_name", "x.exe"),
        ("file_path", PATH),
        ("process", "explorer.exe"),
        ("command_line", "x -y"),
        ("user", "corp\\ada"),
        ("user", "bo"),
    ]
    assert (alert.description, alert.tags, alert.problems) == ("Hid its own file", ("Behavioral", "Evasion"), ())


def test_what_the_device_is_now_stands_in_for_what_it_was():
    payload = {**THREAT, "agentDetectionInfo": dict.fromkeys(THREAT["agentDetectionInfo"])}
    (alert,) = read(payload, "sentinelone-threat", NOW)

    assert (alert.devices[0].address, alert.devices[0].mac) == ("10.1.1.1", "06:00:00:00:00:01")
    assert (alert.devices[0].fqdn, [one.login for one in alert.people]) == ("", ["ada"])


@pytest.mark.parametrize(
    ("confidence", "state", "severity", "action"),
    [
        ("malicious", "not_mitigated", 4, "blocked"),
        ("suspicious", "not_mitigated", 2, "blocked"),
        ("suspicious", "mitigated", 2, "blocked"),
        ("n/a", "", 2, "blocked"),
    ],
)
def test_a_malicious_threat_that_runs_on_is_critical(confidence, state, severity, action):
    info = {**THREAT["threatInfo"], "confidenceLevel": confidence, "mitigationStatus": state}
    (alert,) = read({**THREAT, "threatInfo": info}, "sentinelone-threat", NOW)

    assert (alert.severity, alert.action) == (severity, action)


def test_a_file_that_was_put_away_is_quarantined():
    done = [{"action": "kill", "status": "success"}, {"action": "quarantine", "status": "success"}]
    assert read({**THREAT, "mitigationStatus": done}, "auto", NOW)[0].action == "quarantined"
    open_info = {**THREAT["threatInfo"], "mitigationStatus": "not_mitigated"}
    assert read({**THREAT, "threatInfo": open_info, "mitigationStatus": []}, "auto", NOW)[0].action == "detected"


CUSTOM = {
    "activityType": 3608,
    "activityUuid": "a-1",
    "agentId": "31",
    "createdAt": "2026-11-01 10:07:00.076",
    "id": "555",
    "primaryDescription": "Alert created for sshd from a custom rule",
    "secondaryDescription": "AB" * 20,
    "threatId": None,
    "data": {
        "alertId": "9",
        "agentIpV4": "10.1.1.1",
        "detectedAt": "2026-11-01T10:05:00Z",
        "dnsRequest": "evil.example",
        "dstIp": "203.0.113.9",
        "dstPort": 22,
        "ruleId": "r-1",
        "ruleName": "sshd to the outside",
        "severity": "E_HIGH",
        "tiIndicatorValue": "bad.example",
    },
}
NEW_THREAT = {
    "activityType": 19,
    "activityUuid": "a-2",
    "createdAt": "2026-11-01T10:05:00.000Z",
    "id": "556",
    "threatId": "7001",
    "primaryDescription": "Threat with confidence level malicious detected: x.exe",
    "secondaryDescription": PATH,
    "data": {
        "computerName": "PC-3",
        "confidenceLevel": "malicious",
        "fileContentHash": "CD" * 20,
        "fileDisplayName": "x.exe",
        "threatClassification": "Trojan",
        "username": "console person",
    },
}


def _lower(value):
    return {key.lower(): _lower(child) for key, child in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("payload", [CUSTOM, _lower(CUSTOM), {"data": [CUSTOM]}])
def test_an_alert_of_a_custom_rule_reads_the_same_in_both_spellings(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "sentinelone-activity"
    assert (alert.title, alert.rule_id, alert.source_ref) == ("sshd to the outside", "r-1", "555")
    assert (alert.detected_at, alert.severity, alert.severity_raw) == (AT, 3, "E_HIGH")
    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.1.1", "203.0.113.9", 22)
    assert [(one.address, one.agent_id, one.is_edr) for one in alert.devices] == [("10.1.1.1", "31", False)]
    assert [(one.kind, one.value, one.is_indicator) for one in alert.observables] == [
        ("domain", "bad.example", True),
        ("ip", "10.1.1.1", False),
        ("ip", "203.0.113.9", False),
        ("domain", "evil.example", False),
        ("hash_sha1", "ab" * 20, False),
    ]
    assert (alert.action, alert.problems) == ("detected", ())


def test_a_new_threat_of_the_log_names_file_and_device_but_not_the_consoles_user():
    (alert,) = read(NEW_THREAT, "auto", NOW)

    assert (alert.title, alert.rule_id, alert.severity, alert.detected_at) == ("x.exe", "Trojan", 4, AT)
    assert ([one.name for one in alert.devices], alert.people, alert.flow) == (["PC-3"], (), None)
    assert [one.value for one in alert.observables] == ["cd" * 20, "x.exe", PATH]
    stopped = read({**NEW_THREAT, "activityType": "18"}, "auto", NOW)[0]
    assert (stopped.severity, stopped.action) == (3, "blocked")


@pytest.mark.parametrize("number", [27, 4008, 5009, None, "x"])
def test_the_rest_of_the_log_is_no_alert(number):
    with pytest.raises(IgnoredError):
        read({**NEW_THREAT, "activityType": number}, "auto", NOW)


@pytest.mark.parametrize(
    ("slug", "payload", "field"),
    [
        ("sentinelone-threat", {**THREAT, "threatInfo": {"identifiedAt": "2026-11-01"}}, "threatInfo.threatName"),
        ("sentinelone-threat", {**THREAT, "threatInfo": {"threatName": "x"}}, "threatInfo.identifiedAt"),
        ("sentinelone-activity", {**NEW_THREAT, "data": {}, "primaryDescription": ""}, "primaryDescription"),
        ("sentinelone-activity", {**NEW_THREAT, "createdAt": "soon"}, "data.detectedAt"),
    ],
)
def test_without_title_or_time_it_is_refused_by_name(slug, payload, field):
    with pytest.raises(RejectedError) as caught:
        read(payload, slug, NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_never_rejects():
    info = {**everywhere(THREAT["threatInfo"]), "identifiedAt": THREAT["threatInfo"]["identifiedAt"]}
    (threat,) = read({**everywhere(THREAT), "threatInfo": info}, "auto", NOW)
    (activity,) = read({**everywhere(NEW_THREAT), "createdAt": NEW_THREAT["createdAt"]}, "auto", NOW)

    assert 0 < len(threat.title) <= 300
    assert 0 < len(activity.title) <= 300
