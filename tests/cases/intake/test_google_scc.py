"""Findings of Security Command Center of our own making."""

import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
NAME = "organizations/1/sources/2/findings/f1"
INSTANCE = "//compute.googleapis.com/projects/p/zones/z/instances/web-1"
FINDING = {
    "name": NAME,
    "parent": "organizations/1/sources/2",
    "category": "Malware: Odd Domain",
    "description": "It asked for a bad name.",
    "eventTime": "2026-11-01T10:00:00.123Z",
    "createTime": "2026-11-01T10:05:00Z",
    "severity": "HIGH",
    "state": "ACTIVE",
    "findingClass": "THREAT",
    "externalUri": "https://console.example/f1",
    "resourceName": INSTANCE,
    "access": {"principalEmail": "Ada@corp.example", "callerIp": "198.51.100.4"},
    "indicator": {"ipAddresses": ["198.51.100.9"], "domains": ["evil.example"]},
    "mitreAttack": {"primaryTactic": "COMMAND_AND_CONTROL", "primaryTechniques": ["T1071.004"]},
    "connections": [
        {
            "sourceIp": "10.1.2.3",
            "sourcePort": 40000,
            "destinationIp": "198.51.100.9",
            "destinationPort": 53,
            "protocol": "UDP",
        }
    ],
    "files": [{"path": "/tmp/a", "sha256": "ab" * 32}],
}
NOTICE = {
    "notificationConfigName": "organizations/1/notificationConfigs/n",
    "finding": FINDING,
    "resource": {"type": "google.compute.Instance", "project_display_name": "shop"},
}


def _changed(**changes):
    return {**NOTICE, "finding": {key: value for key, value in {**FINDING, **changes}.items() if value is not None}}


LISTED = {"finding": FINDING, "resource": NOTICE["resource"]}


@pytest.mark.parametrize("payload", [NOTICE, LISTED, {"listFindingsResults": [LISTED], "totalSize": 1}])
def test_a_finding_reads_the_same_with_and_without_its_notification(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "google-scc"
    assert (alert.title, alert.source_ref, alert.status) == ("Malware: Odd Domain", NAME, "ACTIVE")
    assert (alert.rule_id, alert.rule_name) == ("organizations/1/sources/2/Malware: Odd Domain", "Malware: Odd Domain")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "HIGH", False)
    assert (alert.attack, alert.url) == ((("T1071.004", "TA0011"),), "https://console.example/f1")
    (device,) = alert.devices
    assert (device.name, device.agent_id, device.is_edr) == ("web-1", "projects/p/zones/z/instances/web-1", False)
    assert [(one.upn, one.role) for one in alert.people] == [("ada@corp.example", "actor")]
    assert (alert.flow.src_ip, alert.flow.src_port) == ("10.1.2.3", 40000)
    assert (alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == ("198.51.100.9", 53, "udp")
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "198.51.100.9"),
        ("domain", "evil.example"),
        ("user", "ada@corp.example"),
        ("file_path", "/tmp/a"),
        ("hash_sha256", "ab" * 32),
        ("other", INSTANCE),
    ]
    assert alert.tags == ("THREAT", "project:shop")
    assert alert.problems == ()


@pytest.mark.parametrize("notice", [NOTICE, {**NOTICE, "finding": {**FINDING, "category": "NUL \x00"}}])
def test_a_push_of_pub_sub_carries_the_notice_as_base64(notice):
    data = b64encode(json.dumps(notice).encode()).decode()
    push = {"message": {"data": data, "messageId": "1"}, "subscription": "projects/p/subscriptions/s"}
    (message,) = split(json.dumps(push).encode(), max_alerts=10, max_bytes=100_000).messages
    ((detector, alert),) = read_with(message, "auto", NOW)

    assert (detector.slug, alert.source_ref) == ("google-scc", NAME)
    assert "\x00" not in alert.title


@pytest.mark.parametrize("data", ["%%%", b64encode(b"[1]").decode(), b64encode(b"\xff{").decode(), 7])
def test_what_is_no_push_stays_as_it_is(data):
    ((detector, _),) = read_with({"message": {"data": data}, "subscription": "s"}, "auto", NOW)

    assert detector.slug == "generic"


def test_an_older_source_has_its_facts_in_properties():
    properties = {
        "instanceDetails": "/projects/p/zones/z/instances/web-2",
        "attempts": [{"sourceIp": "198.51.100.7", "username": "root"}],
        "actor": {"principalEmail": "bot@p.iam.gserviceaccount.com"},
    }
    payload = _changed(
        severity=None,
        connections=None,
        access={},
        indicator={},
        mitreAttack={"primaryTactic": "CREDENTIAL_ACCESS", "primaryTechniques": ["BRUTE_FORCE"]},
        resourceName="//cloudresourcemanager.googleapis.com/projects/1",
        sourceProperties={"detectionPriority": "LOW", "properties": properties},
    )
    (alert,) = read(payload, "google-scc", NOW)

    assert (alert.severity, alert.severity_raw) == (1, "LOW")
    assert [one.name for one in alert.devices] == ["web-2"]
    assert alert.people == ()
    assert (alert.flow.src_ip, alert.flow.dst_ip) == ("198.51.100.7", "")
    assert alert.attack == (("T1110", "TA0006"),)
    assert ("user", "bot@p.iam.gserviceaccount.com") in [(one.kind, one.value) for one in alert.observables]


def test_a_connection_of_an_older_source_numbers_its_protocol():
    ends = {"srcIp": "10.1.2.3", "srcPort": 1.0, "destIp": "198.51.100.9", "destPort": 22, "protocol": 6.0}
    payload = _changed(connections=None, sourceProperties={"properties": {"ipConnection": ends}})
    (alert,) = read(payload, "google-scc", NOW)

    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.2.3", "198.51.100.9", 22)
    assert alert.flow.proto == "tcp"


def test_a_project_or_a_rule_is_no_device():
    rule = "//compute.googleapis.com/projects/p/global/firewalls/1"
    (alert,) = read(_changed(resourceName=rule, connections=None, access={}), "google-scc", NOW)

    assert alert.devices == ()


@pytest.mark.parametrize("nanos", [123000000, 1.23e8, "123000000"])
def test_seconds_may_be_text_and_nanoseconds_a_fraction(nanos):
    (alert,) = read(_changed(eventTime={"seconds": "1793527200", "nanos": nanos}), "google-scc", NOW)

    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123000, tzinfo=UTC)


def test_a_severity_that_is_not_said_is_assumed():
    (alert,) = read(_changed(severity="SEVERITY_UNSPECIFIED"), "google-scc", NOW)

    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (2, "SEVERITY_UNSPECIFIED", True)


def test_an_older_log_entry_is_read_where_it_has_a_time():
    entry = {
        "logName": "projects/p/logs/threatdetection.googleapis.com%2Fdetection",
        "timestamp": "2026-11-01T10:00:00Z",
        "insertId": "i1",
        "jsonPayload": {
            "detectionCategory": {"ruleName": "bad_name"},
            "detectionPriority": "HIGH",
            "properties": {"instanceDetails": "/projects/p/zones/z/instances/web-2"},
        },
    }
    ((detector, alert),) = read_with(entry, "auto", NOW)

    assert detector.slug == "google-scc"
    assert (alert.title, alert.rule_id, alert.severity) == ("bad_name", "bad_name", 3)
    assert [one.name for one in alert.devices] == ["web-2"]
    assert len(alert.source_ref) == 64

    ((detector, alert),) = read_with({key: entry[key] for key in ("logName", "jsonPayload")}, "auto", NOW)
    assert detector.slug == "generic"
    assert "eventTime" in [problem.field for problem in alert.problems]


def test_a_bad_link_is_dropped_by_name():
    (alert,) = read(_changed(externalUri="javascript:1"), "google-scc", NOW)

    assert alert.url == ""
    assert [problem.field for problem in alert.problems] == ["externalUri"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"category": None}, "finding.category"), ({"eventTime": "soon", "createTime": None}, "eventTime")],
)
def test_what_is_required_is_named(change, field):
    with pytest.raises(RejectedError) as caught:
        read(_changed(**change), "google-scc", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_does_not_raise():
    payload = {**NOTICE, "finding": {**everywhere(FINDING), "eventTime": FINDING["eventTime"]}}
    (alert,) = read(payload, "google-scc", NOW)

    assert len(alert.title) <= 300
    assert alert.flow is None
