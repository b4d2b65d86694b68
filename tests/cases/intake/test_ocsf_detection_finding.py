"""OCSF findings of our own making, in several versions of the schema."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
INFO = {
    "uid": "f-1",
    "title": "A beacon",
    "desc": "Every minute.",
    "types": ["C2"],
    "src_url": "https://console.example/f-1",
    "analytic": {"uid": "rule-7", "name": "Beacon", "version": "3"},
    "created_time": 1793527200000,
    "first_seen_time": 1793523600000,
    "last_seen_time_dt": "2026-11-01T09:30:00Z",
    "attacks": [
        {"technique": {"uid": "T1071"}, "sub_technique": {"uid": "T1071.004"}, "tactic": {"uid": "TA0011"}},
        {"technique": {"uid": "T1048"}, "tactics": [{"uid": "TA0010"}]},
    ],
}
EVIDENCE = {
    "src_endpoint": {"ip": "10.1.2.3", "port": 40000},
    "dst_endpoint": {"ip": "198.51.100.9", "port": 443, "hostname": "evil.example"},
    "connection_info": {"protocol_name": "TCP", "direction": "Outbound"},
    "traffic": {"bytes_out": 10, "bytes_in": 20},
    "process": {
        "name": "a.exe",
        "cmd_line": "a.exe -x",
        "file": {"path": "C:\\a.exe", "hashes": [{"value": "ab" * 32}]},
    },
    "actor": {"user": {"name": "ada", "domain": "CORP", "uid": "S-1-5-21-1-2-3-1001", "type_id": 1}},
    "user": {"name": "SYSTEM", "type_id": 3},
    "device": {"hostname": "pc-1", "domain": "corp.example", "uid": "d-1", "ip": "10.1.2.3", "os": {"name": "Windows"}},
}
FINDING = {
    "class_uid": 2004,
    "category_uid": 2,
    "activity_id": 1,
    "type_uid": 200401,
    "time": 1793527200000,
    "severity_id": 4,
    "severity": "High",
    "confidence_score": 80,
    "risk_score": 70,
    "disposition_id": 2,
    "status_id": 1,
    "status": "New",
    "count": 3,
    "message": "Something was seen",
    "metadata": {"version": "1.4.0", "product": {"name": "Watch"}, "labels": ["tlp:red", "pap:green"]},
    "finding_info": INFO,
    "evidences": [EVIDENCE],
    "observables": [
        {"name": "evidences[0].src_endpoint.ip", "type_id": 2, "value": "10.9.9.9"},
        {"name": "file.hashes", "type_id": 8, "value": "1f" * 20},
        {"name": "user.name", "type_id": 4, "value": "bo"},
        {"name": "file", "type_id": 24},
    ],
}


def test_each_field_goes_to_its_place():
    ((detector, alert),) = read_with(FINDING, "auto", NOW)

    assert detector.slug == "ocsf-detection-finding"
    assert (alert.title, alert.description, alert.source_ref) == ("A beacon", "Every minute.", "f-1")
    assert (alert.rule_id, alert.rule_name, alert.rule_version) == ("rule-7", "Beacon", "3")
    assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert alert.first_seen_at == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert alert.last_seen_at == datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "High", False)
    assert (alert.confidence, alert.risk_score, alert.count) == (80, 70, 3)
    assert (alert.action, alert.status, alert.url) == ("blocked", "New", "https://console.example/f-1")
    assert alert.attack == (("T1071.004", "TA0011"), ("T1048", "TA0010"))
    assert (alert.tlp, alert.pap) == (4, 1)
    (device,) = alert.devices
    assert (device.name, device.fqdn, device.agent_id, device.is_edr) == ("pc-1", "pc-1.corp.example", "d-1", False)
    assert (device.address, device.os) == ("10.1.2.3", "Windows")
    assert [(one.login, one.domain, one.sid, one.role) for one in alert.people] == [
        ("ada", "CORP", "S-1-5-21-1-2-3-1001", "actor")
    ]
    assert (alert.flow.src_ip, alert.flow.src_port) == ("10.1.2.3", 40000)
    assert (alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == ("198.51.100.9", 443, "tcp")
    assert (alert.flow.bytes_out, alert.flow.bytes_in) == (10, 20)
    assert [(one.kind, one.value, one.role) for one in alert.observables] == [
        ("ip", "10.1.2.3", "source"),
        ("ip", "198.51.100.9", "destination"),
        ("ip", "10.9.9.9", "source"),
        ("hash_sha1", "1f" * 20, "file"),
        ("user", "bo", "account"),
        ("domain", "evil.example", "destination"),
        ("process", "C:\\a.exe", "process"),
        ("command_line", "a.exe -x", "process"),
        ("hash_sha256", "ab" * 32, "process"),
        ("user", "ada", "account"),
    ]
    assert alert.tags == ("C2", "tlp:red", "pap:green", "Watch")
    assert alert.problems == ()


def test_the_deprecated_class_has_its_finding_under_another_name():
    top = {key: value for key, value in FINDING.items() if key not in {"finding_info", "evidences"}}
    finding = {key: value for key, value in INFO.items() if key not in {"attacks", "analytic"}}
    payload = {**top, "class_uid": "2001", "finding": finding, "attacks": INFO["attacks"], "resource": {"uid": "r-1"}}
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "ocsf-detection-finding"
    assert (alert.title, alert.source_ref, alert.rule_id) == ("A beacon", "f-1", "A beacon")
    assert alert.attack == (("T1071.004", "TA0011"), ("T1048", "TA0010"))
    assert "r-1" in [one.value for one in alert.observables]


def test_an_incident_has_a_list_of_findings():
    payload = {**FINDING, "class_uid": 2005, "finding_info": None, "finding_info_list": [INFO, {"uid": "f-2"}]}
    (alert,) = read(payload, "auto", NOW)

    assert (alert.title, alert.source_ref) == ("A beacon", "f-1")


@pytest.mark.parametrize(
    "moment", [1793527200, "1793527200", 1793527200000, 1793527200000000, "2026-11-01T10:00:00+00:00"]
)
def test_the_time_may_be_seconds_against_the_schema(moment):
    assert read({**FINDING, "time": moment}, "auto", NOW)[0].detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "word", "severity", "is_assumed"),
    [
        (1, "Informational", 0, False),
        (5, "Critical", 4, False),
        (6, "Fatal", 4, False),
        ("3", "Medium", 2, False),
        (0, "Unknown", 2, True),
        (99, "Odd", 2, True),
        (None, "Low", 1, False),
        (None, None, 2, True),
    ],
)
def test_the_scale_begins_one_higher(number, word, severity, is_assumed):
    (alert,) = read({**FINDING, "severity_id": number, "severity": word}, "auto", NOW)

    assert (alert.severity, alert.is_severity_assumed) == (severity, is_assumed)


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({"disposition_id": 1}, "allowed"),
        ({"disposition_id": 3}, "quarantined"),
        ({"disposition_id": 15}, "detected"),
        ({"disposition_id": 0, "action_id": 2}, "blocked"),
        ({"disposition_id": None}, "unknown"),
    ],
)
def test_the_disposition_is_the_action(change, action):
    assert read({**FINDING, **change}, "auto", NOW)[0].action == action


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        ({"type": "AWS::EC2::Instance", "uid": "arn:aws:ec2:r:1:instance/i-1", "ip": "10.1.2.4"}, ["i-1"]),
        ({"type": "Microsoft.Compute/virtualMachines", "uid": "/s/1/virtualMachines/vm-1"}, ["vm-1"]),
        ({"type": "KubernetesAPIServer", "uid": "u", "name": "pod-1"}, []),
        ({"type": "Other", "name": "bucket"}, []),
    ],
)
def test_only_a_resource_that_is_a_machine_is_a_device(resource, names):
    payload = {**FINDING, "evidences": [], "resources": [resource]}
    (alert,) = read(payload, "auto", NOW)

    assert [one.name for one in alert.devices] == names
    assert alert.observables[-1].kind == "other"


def test_a_template_that_nobody_filled_in_is_no_id():
    first, second = (
        read({**FINDING, "finding_info": {**INFO, "uid": "<uid>", "title": title}}, "auto", NOW)[0].source_ref
        for title in ("One", "Two")
    )

    assert first != second


@pytest.mark.parametrize("number", [4001, 3002, 1007])
def test_an_activity_is_no_finding(number):
    with pytest.raises(IgnoredError, match="Network Activity"):
        read({**FINDING, "class_uid": number, "class_name": "Network Activity"}, "auto", NOW)


def test_a_score_out_of_range_is_dropped_by_name():
    (alert,) = read({**FINDING, "risk_score": 700}, "auto", NOW)

    assert (alert.risk_score, [problem.field for problem in alert.problems]) == (None, ["risk_score"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"finding_info": {"created_time": 1793527200}, "message": "-"}, "finding_info.title"),
        ({"time": None, "finding_info": {"title": "A"}}, "time"),
    ],
)
def test_what_is_required_is_named(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**FINDING, **change}, "ocsf-detection-finding", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_does_not_raise():
    (alert,) = read(everywhere(FINDING), "ocsf-detection-finding", NOW)

    assert len(alert.title) <= 300
    assert alert.flow is None


def test_a_check_that_was_passed_is_informational_and_keeps_the_senders_word():
    (alert,) = read(FINDING | {"status_code": "PASS"}, "ocsf-detection-finding", NOW)
    assert (alert.severity, alert.severity_raw) == (0, "High")
    assert "PASS" in alert.tags
