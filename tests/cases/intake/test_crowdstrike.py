"""CrowdStrike: both generations of names, the stream's envelope, and the telemetry that comes along."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
AT = datetime(2026, 11, 1, 10, 5, tzinfo=UTC)
FLAGS = '{"PolicyDisabled": false, "ProcessBlocked": true, "QuarantineFile": false}'
NEW = {
    "ExternalApiType": "Event_EppDetectionSummaryEvent",
    "Name": "Stolen secrets",
    "Description": "A process read the memory of the sign-in service.",
    "Tactic": "Credential Access",
    "Technique": "OS Credential Dumping",
    "CompositeId": "cid:ind:aid:99-1",
    "Severity": 3,
    "SeverityName": "High",
    "timestamp": "2026-11-01 10:05:00Z",
    "ProcessStartTime": "1793527200",
    "ProcessEndTime": "1970-01-01 00:00:00Z",
    "AgentIdString": "ab12",
    "SensorId": "ab12",
    "Hostname": "PC-7",
    "MACAddress": "aa-bb-cc-00-11-22",
    "LocalIP": "10.1.2.3",
    "UserName": "Ada",
    "LogonDomain": "CORP",
    "ProcessId": 377077835340488701,
    "FilePath": "C:\\Temp\\",
    "FileName": "x.exe",
    "SHA256String": "AB" * 32,
    "SHA1String": "0" * 40,
    "MD5String": "CD" * 16,
    "CommandLine": "x -y",
    "ParentImageFileName": "C:\\Windows\\explorer.exe",
    "FalconHostLink": "https://falcon.example/d/1",
    "PatternDispositionFlags": FLAGS,
    "NetworkAccesses": [
        {
            "ConnectionDirection": 0,
            "LocalAddress": "10.1.2.3",
            "LocalPort": 50000,
            "RemoteAddress": "203.0.113.9",
            "RemotePort": 443,
            "Protocol": "TCP",
        }
    ],
    "DnsRequests": [{"DomainName": "evil.example"}],
}
OLD = {
    "DetectName": "Known bad file",
    "DetectDescription": "A file of a bad name.",
    "DetectId": "ldt:ab12:7",
    "ComputerName": "PC-8",
    "SensorId": "cd34",
    "Severity": 4,
    "ProcessStartTime": 1793527200,
    "Tactic": "Malware",
    "Technique": "PUP",
    "UserName": "PC-8$",
}
STREAM = {"metadata": {"customerIDString": "c", "eventType": "DetectionSummaryEvent", "offset": 3}, "event": OLD}


def test_a_detection_is_read_whole():
    ((detector, alert),) = read_with(NEW, "auto", NOW)
    (device,), (person,) = alert.devices, alert.people

    assert detector.slug == "crowdstrike"
    assert (alert.title, alert.source_ref) == ("Stolen secrets", "cid:ind:aid:99-1")
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "High", False)
    assert (alert.detected_at, alert.first_seen_at) == (AT, datetime(2026, 11, 1, 10, tzinfo=UTC))
    assert alert.last_seen_at is None
    assert (alert.rule_id, alert.action) == ("OS Credential Dumping", "blocked")
    assert alert.attack == (("T1003", "TA0006"),)
    assert (device.agent_id, device.is_edr, device.name) == ("ab12", False, "PC-7")
    assert (device.mac, device.address) == ("aa:bb:cc:00:11:22", "10.1.2.3")
    assert (person.login, person.domain) == ("ada", "CORP")
    assert (alert.flow.src_port, alert.flow.dst_ip, alert.flow.proto) == (50000, "203.0.113.9", "tcp")
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "203.0.113.9"),
        ("command_line", "x -y"),
        ("process", "C:\\Windows\\explorer.exe"),
        ("domain", "evil.example"),
        ("hash_sha256", "ab" * 32),
        ("hash_md5", "cd" * 16),
        ("file_name", "x.exe"),
        ("file_path", "C:\\Temp\\x.exe"),
        ("mac", "aa:bb:cc:00:11:22"),
        ("user", "corp\\ada"),
    ]
    assert alert.problems == ()


def test_the_stream_of_old_wraps_and_names_things_its_own_way():
    made = {**STREAM, "metadata": {**STREAM["metadata"], "eventCreationTime": 1793527500000}}
    ((detector, alert),) = read_with(made, "auto", NOW)

    assert detector.slug == "crowdstrike"
    assert (alert.title, alert.source_ref, alert.detected_at) == ("Known bad file", "ldt:ab12:7", AT)
    assert (alert.severity, alert.is_severity_assumed) == (3, True)
    assert [(device.name, device.agent_id) for device in alert.devices] == [("PC-8", "cd34")]
    assert (alert.people, alert.attack, alert.rule_id) == ((), (), "PUP")
    assert read(STREAM, "auto", NOW)[0].detected_at == alert.first_seen_at


def test_an_event_that_names_itself_may_be_wrapped_too():
    ((detector, alert),) = read_with({"metadata": {"offset": 1}, "event": NEW}, "auto", NOW)

    assert (detector.slug, alert.title) == ("crowdstrike", "Stolen secrets")


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({"SeverityName": "", "Severity": 5}, 4),
        ({"SeverityName": "", "Severity": "70"}, 3),
        ({"SeverityName": "", "Severity": 10}, 0),
        ({"SeverityName": "informational", "Severity": 5}, 0),
        ({"SeverityName": "Odd", "Severity": None}, 2),
        ({"SeverityName": None, "Severity": 1000}, 2),
    ],
)
def test_the_name_of_a_severity_is_sure_and_its_number_is_not(change, severity):
    assert read({**NEW, **change}, "crowdstrike", NOW)[0].severity == severity


@pytest.mark.parametrize(
    ("flags", "action"),
    [
        ({"ProcessBlocked": True, "QuarantineFile": True}, "quarantined"),
        ('{"ProcessBlocked": true, "PolicyDisabled": true}', "detected"),
        ('{"Detect": true}', "detected"),
        ("{broken", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_flags_say_what_prevention_did(flags, action):
    assert read({**NEW, "PatternDispositionFlags": flags}, "crowdstrike", NOW)[0].action == action


def test_ids_of_attack_are_taken_where_they_are_sent():
    sent = [{"Tactic": "Execution", "TacticID": "TA0002", "Technique": "PowerShell", "TechniqueID": "T1059.001"}]
    (alert,) = read({**NEW, "MitreAttack": sent, "PatternId": 10197}, "crowdstrike", NOW)

    assert (alert.attack, alert.rule_id) == ((("T1059.001", "TA0002"),), "10197")


def test_an_id_of_zeros_is_none():
    (alert,) = read({**NEW, "AgentIdString": "0" * 32, "SensorId": "0" * 32}, "crowdstrike", NOW)

    assert (alert.devices[0].agent_id, alert.devices[0].name) == ("", "PC-7")


def test_without_an_id_process_and_moment_name_a_detection():
    bare = {**NEW, "CompositeId": None}
    refs = [read({**bare, **change}, "crowdstrike", NOW)[0].source_ref for change in ({}, {"SeverityName": "Low"})]
    other = read({**bare, "ProcessId": 377077835340488702}, "crowdstrike", NOW)[0].source_ref

    assert refs[0] == refs[1] != other


@pytest.mark.parametrize(
    "payload",
    [
        {"event_simpleName": "ProcessRollup2", "aid": "1", "timestamp": "1793527200000"},
        {"event": {"event_simpleName": "DnsRequest", "aid": "1"}},
        {"ExternalApiType": "Event_AuthActivityAuditEvent", "OperationName": "x"},
        {"ExternalApiType": "Event_RemoteResponseSessionStartEvent", "Name": "x"},
    ],
)
def test_telemetry_and_audits_are_no_alerts(payload):
    with pytest.raises(IgnoredError):
        read(payload, "auto", NOW)


@pytest.mark.parametrize(
    ("lost", "field"),
    [(("Name", "Description"), "Name"), (("timestamp", "ProcessStartTime"), "timestamp")],
)
def test_a_detection_without_title_or_time_is_refused_by_name(lost, field):
    with pytest.raises(RejectedError) as caught:
        read({**NEW, **dict.fromkeys(lost)}, "crowdstrike", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_never_rejects():
    payload = {**everywhere(NEW), "timestamp": NEW["timestamp"]}
    (alert,) = read(payload, "crowdstrike", NOW)

    assert 0 < len(alert.title) <= 300
    assert (alert.url, alert.action, alert.attack) == ("", "unknown", ())
