"""Security Hub findings of our own making."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ARN = "arn:aws:securityhub:eu-central-1:111122223333:finding/f1"
INSTANCE = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0aa11"
FINDING = {
    "SchemaVersion": "2018-10-08",
    "ProductArn": "arn:aws:securityhub:eu-central-1::product/x/y",
    "ProductName": "Watch",
    "Id": ARN,
    "GeneratorId": "rule-7",
    "AwsAccountId": "111122223333",
    "Region": "eu-central-1",
    "Title": "Odd connection",
    "Description": "Once.",
    "Types": ["TTPs/Command and Control/Beacon", "Unusual Behaviors"],
    "CreatedAt": "2026-11-01T10:05:00.250Z",
    "UpdatedAt": "2026-11-01T11:00:00Z",
    "FirstObservedAt": "2026-11-01T10:00:00Z",
    "LastObservedAt": "2026-11-01T10:30:00Z",
    "Severity": {"Label": "HIGH", "Normalized": 10, "Product": 2},
    "Workflow": {"Status": "NEW"},
    "RecordState": "ACTIVE",
    "SourceUrl": "https://console.example/f1",
    "Network": {
        "Direction": "OUT",
        "Protocol": "TCP",
        "SourceIpV4": "10.1.2.3",
        "SourcePort": 40000,
        "DestinationIpV4": "198.51.100.9",
        "DestinationPort": 443,
        "DestinationDomain": "evil.example",
    },
    "Malware": [{"Name": "Worm", "Path": "/tmp/worm"}],
    "ThreatIntelIndicators": [{"Type": "DOMAIN", "Value": "worse.example"}],
    "ProductFields": {
        "x/y/userAgent": "agent/108.0.0.0",
        "x/y/callerIp": "203.0.113.5",
        "aws/securityhub/Id": "1.2.3.4",
    },
    "Resources": [
        {
            "Type": "AwsEc2Instance",
            "Id": INSTANCE,
            "Details": {"AwsEc2Instance": {"IpV4Addresses": ["203.0.113.7", "10.1.2.3"]}},
        }
    ],
}


@pytest.mark.parametrize(
    "payload",
    [
        {"Findings": [FINDING]},
        {"source": "aws.securityhub", "detail-type": "Imported", "detail": {"findings": [FINDING]}},
        FINDING,
    ],
    ids=["batch", "eventbridge", "bare"],
)
def test_each_wrapper_reads_the_same(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "aws-securityhub-asff"
    assert (alert.title, alert.rule_id, alert.source_ref) == ("Odd connection", "rule-7", ARN)
    assert alert.rule_name == "TTPs/Command and Control/Beacon"
    assert alert.detected_at == datetime(2026, 11, 1, 10, 5, 0, 250000, tzinfo=UTC)
    assert alert.first_seen_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert alert.last_seen_at == datetime(2026, 11, 1, 10, 30, tzinfo=UTC)
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "HIGH", False)
    assert (alert.status, alert.url, alert.attack) == ("NEW", "https://console.example/f1", (("", "TA0011"),))
    (device,) = alert.devices
    assert (device.name, device.agent_id, device.is_edr, device.address) == ("i-0aa11", "i-0aa11", False, "10.1.2.3")
    assert (alert.flow.src_ip, alert.flow.src_port) == ("10.1.2.3", 40000)
    assert (alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == ("198.51.100.9", 443, "tcp")
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "198.51.100.9"),
        ("domain", "evil.example"),
        ("file_path", "/tmp/worm"),
        ("domain", "worse.example"),
        ("other", INSTANCE),
        ("user_agent", "agent/108.0.0.0"),
        ("ip", "203.0.113.5"),
    ]
    assert alert.tags[0] == "Watch"
    assert alert.problems == ()


def test_slash_keys_are_the_action_that_the_product_saw():
    begin = "aws/guardduty/service/action/networkConnectionAction"
    fields = {
        f"{begin}/connectionDirection": "INBOUND",
        f"{begin}/blocked": "true",
        f"{begin}/localPortDetails/port": "22",
        f"{begin}/remotePortDetails/port": "40000",
        f"{begin}/remoteIpDetails/ipAddressV4": "198.51.100.9",
        f"{begin}/remoteIpDetails/organization/asn": "64500",
        "aws/guardduty/service/additionalInfo/sample": "true",
        "aws/guardduty/service/count": "4",
        "aws/guardduty/service": "in the way",
    }
    (alert,) = read({**FINDING, "Network": {}, "ProductFields": fields}, "auto", NOW)

    assert (alert.flow.src_ip, alert.flow.src_port) == ("198.51.100.9", 40000)
    assert alert.flow.dst_port == 22
    assert (alert.action, alert.count, alert.tags[0]) == ("blocked", 4, "sample")
    assert ("asn", "64500") in [(one.kind, one.value) for one in alert.observables]


def test_actions_with_nothing_in_them_are_passed_over():
    action = {
        "NetworkConnectionAction": {"LocalPortDetails": {}, "RemotePortDetails": {}},
        "AwsApiCallAction": {"Api": "AssumeRole", "RemoteIpDetails": {"IpAddressV4": "198.51.100.9"}},
    }
    (alert,) = read({**FINDING, "Network": None, "Action": action}, "auto", NOW)

    assert (alert.flow.src_ip, alert.flow.dst_ip) == ("198.51.100.9", "")


@pytest.mark.parametrize(
    ("key", "people"),
    [
        ({"PrincipalType": "IAMUser", "PrincipalName": "Ada"}, ["ada"]),
        ({"PrincipalType": "AssumedRole", "PrincipalName": "deploy", "PrincipalId": "AROA:build-77"}, []),
        ({"PrincipalType": "AssumedRole", "PrincipalId": "AROA:ada.byron"}, ["ada.byron"]),
        ({"PrincipalType": "AssumedRole", "PrincipalId": "AROA:ada@corp.example"}, ["ada"]),
    ],
)
def test_a_role_is_no_person_but_its_session_may_name_one(key, people):
    resource = {"Type": "AwsIamAccessKey", "Id": "AKIA1", "Details": {"AwsIamAccessKey": key}}
    (alert,) = read({**FINDING, "Resources": [resource]}, "auto", NOW)

    assert [one.login for one in alert.people] == people


@pytest.mark.parametrize(
    ("sent", "severity", "raw", "is_assumed"),
    [
        ({"Label": "INFORMATIONAL"}, 0, "INFORMATIONAL", False),
        ({"Label": "CRITICAL", "Normalized": 1}, 4, "CRITICAL", False),
        ({"Normalized": 0}, 0, "0", False),
        ({"Normalized": 39}, 1, "39", False),
        ({"Normalized": 40}, 2, "40", False),
        ({"Normalized": 89}, 3, "89", False),
        ({"Normalized": 90}, 4, "90", False),
        ({"Product": 9}, 2, "", True),
        (None, 2, "", True),
    ],
)
def test_the_label_counts_before_the_number(sent, severity, raw, is_assumed):
    (alert,) = read({**FINDING, "Severity": sent}, "auto", NOW)

    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (severity, raw, is_assumed)


def test_what_was_put_away_says_so_and_a_bad_link_is_dropped_by_name():
    (alert,) = read({**FINDING, "RecordState": "ARCHIVED", "SourceUrl": "javascript:1"}, "auto", NOW)

    assert (alert.status, alert.url) == ("ARCHIVED", "")
    assert [problem.field for problem in alert.problems] == ["SourceUrl"]


@pytest.mark.parametrize(
    ("absent", "field"),
    [
        (("Title",), "Title"),
        (("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"), "CreatedAt"),
    ],
)
def test_what_is_required_is_named(absent, field):
    with pytest.raises(RejectedError) as caught:
        read({key: value for key, value in FINDING.items() if key not in absent}, "aws-securityhub-asff", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_does_not_raise():
    (alert,) = read({**everywhere(FINDING), "CreatedAt": FINDING["CreatedAt"]}, "aws-securityhub-asff", NOW)

    assert len(alert.title) <= 300
    assert alert.flow is None
