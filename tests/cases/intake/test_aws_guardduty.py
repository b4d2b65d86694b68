"""GuardDuty findings of our own making, in both spellings."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ARN = "arn:aws:guardduty:eu-central-1:111122223333:detector/d1/finding/f1"
FINDING = {
    "schemaVersion": "2.0",
    "accountId": "111122223333",
    "region": "eu-central-1",
    "arn": ARN,
    "id": "f1",
    "type": "Backdoor:EC2/C&CActivity.B",
    "title": "An instance speaks to a known command server",
    "description": "It did so twice.",
    "severity": 8.5,
    "createdAt": "2026-11-01T10:05:00.250Z",
    "updatedAt": "2026-11-01T11:00:00Z",
    "resource": {
        "resourceType": "Instance",
        "instanceDetails": {
            "instanceId": "i-0aa11",
            "platform": "linux",
            "networkInterfaces": [
                {"privateDnsName": "ip-10-1-2-3.internal", "privateIpAddress": "10.1.2.3", "publicIp": "203.0.113.7"}
            ],
        },
    },
    "service": {
        "archived": False,
        "count": 2,
        "eventFirstSeen": "2026-11-01T10:00:00Z",
        "eventLastSeen": "2026-11-01T10:30:00Z",
        "resourceRole": "ACTOR",
        "additionalInfo": {"value": '{"sample": true}', "type": "default"},
        "action": {
            "actionType": "NETWORK_CONNECTION",
            "networkConnectionAction": {
                "blocked": False,
                "connectionDirection": "OUTBOUND",
                "localPortDetails": {"port": 40000},
                "remotePortDetails": {"port": 443},
                "protocol": "TCP",
                "remoteIpDetails": {"ipAddressV4": "198.51.100.9", "organization": {"asn": "64500"}},
            },
        },
    },
}


def _pascal(value):
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _pascal(child) for key, child in value.items()}
    return [_pascal(child) for child in value] if isinstance(value, list) else value


def _with_action(name, action, **more):
    service = {**FINDING["service"], "action": {name: action}, **more}
    return {**FINDING, "service": service}


@pytest.mark.parametrize(
    "payload",
    [
        {"Findings": [_pascal(FINDING)]},
        {"version": "0", "source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": FINDING, "id": "e"},
        FINDING,
    ],
    ids=["api", "eventbridge", "bare"],
)
def test_both_spellings_and_wrappers_read_the_same(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "aws-guardduty"
    assert alert.title == "An instance speaks to a known command server"
    assert (alert.rule_id, alert.source_ref) == ("Backdoor:EC2/C&CActivity.B", ARN)
    assert alert.detected_at == datetime(2026, 11, 1, 10, 5, 0, 250000, tzinfo=UTC)
    assert alert.first_seen_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert alert.last_seen_at == datetime(2026, 11, 1, 10, 30, tzinfo=UTC)
    assert (alert.count, alert.status, alert.action) == (2, "active", "allowed")
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "8.5", False)
    (device,) = alert.devices
    assert (device.name, device.agent_id, device.is_edr) == ("i-0aa11", "i-0aa11", False)
    assert (device.address, device.fqdn, device.os) == ("10.1.2.3", "", "linux")
    assert (alert.flow.src_ip, alert.flow.src_port) == ("10.1.2.3", 40000)
    assert (alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == ("198.51.100.9", 443, "tcp")
    assert alert.flow.direction == "outbound"
    assert [(found.kind, found.value, found.role) for found in alert.observables] == [
        ("ip", "10.1.2.3", "source"),
        ("ip", "198.51.100.9", "destination"),
        ("asn", "64500", "destination"),
        ("ip", "203.0.113.7", "other"),
    ]
    assert alert.tags == ("sample", "Instance", "account:111122223333", "region:eu-central-1")
    assert (alert.people, alert.problems) == ((), ())


def test_a_connection_that_came_in_starts_at_the_remote_end():
    action = {**FINDING["service"]["action"]["networkConnectionAction"], "connectionDirection": "INBOUND"}
    (alert,) = read(_with_action("networkConnectionAction", {**action, "blocked": True}), "aws-guardduty", NOW)

    assert (alert.flow.src_ip, alert.flow.src_port) == ("198.51.100.9", 443)
    assert (alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.2.3", 40000)
    assert alert.action == "blocked"


def test_a_probed_port_is_read_from_its_list():
    probe = {"localPortDetails": {"port": 22}, "remoteIpDetails": {"ipAddressV4": "198.51.100.9"}}
    action = {"blocked": False, "portProbeDetails": [probe, {**probe, "localPortDetails": {"port": 23}}]}
    (alert,) = read(_with_action("portProbeAction", action, resourceRole="TARGET"), "aws-guardduty", NOW)

    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("198.51.100.9", "10.1.2.3", 22)
    assert alert.action == "allowed"


def test_a_name_that_was_looked_up_is_kept():
    (alert,) = read(_with_action("dnsRequestAction", {"domain": "Evil.example", "protocol": "UDP"}), "auto", NOW)

    assert ("domain", "evil.example") in [(found.kind, found.value) for found in alert.observables]
    assert alert.flow is None


@pytest.mark.parametrize(
    ("key", "people"),
    [
        ({"userName": "ada", "userType": "IAMUser", "principalId": "AIDA1"}, [("ada", "")]),
        ({"userName": "backup-role", "userType": "AssumedRole", "principalId": "AROA1:i-0aa11"}, []),
        (
            {"userName": "Admins", "userType": "AssumedRole", "principalId": "AROA1:Ada@corp.example"},
            [("ada", "ada@corp.example")],
        ),
    ],
)
def test_a_role_is_no_person_but_its_session_may_name_one(key, people):
    resource = {"resourceType": "AccessKey", "accessKeyDetails": {"accessKeyId": "AKIA1", **key}}
    action = {"api": "ListBuckets", "remoteIpDetails": {"ipAddressV4": "198.51.100.9"}}
    (alert,) = read({**_with_action("awsApiCallAction", action), "resource": resource}, "auto", NOW)

    assert [(one.login, one.upn) for one in alert.people] == people
    assert (alert.flow.src_ip, alert.flow.dst_ip) == ("198.51.100.9", "")
    assert alert.devices == ()
    observables = [(found.kind, found.value) for found in alert.observables]
    assert ("user", key["userName"].lower()) in observables
    assert ("other", "AKIA1") in observables


@pytest.mark.parametrize(
    ("sent", "severity", "is_assumed"),
    [
        (2, 1, False),
        ("3.9", 1, False),
        (4, 2, False),
        (6.9, 2, False),
        (7, 3, False),
        (9, 4, False),
        ("x", 2, True),
        ("nan", 2, True),
    ],
)
def test_the_scale_is_a_number_with_a_fraction(sent, severity, is_assumed):
    (alert,) = read({**FINDING, "severity": sent}, "aws-guardduty", NOW)

    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (severity, str(sent), is_assumed)


def test_a_finding_that_was_put_away_says_so():
    (alert,) = read({**FINDING, "service": {**FINDING["service"], "archived": True}}, "aws-guardduty", NOW)

    assert alert.status == "archived"


@pytest.mark.parametrize(
    ("absent", "field"),
    [(("title",), "Title"), (("createdAt", "updatedAt", "service"), "createdAt")],
)
def test_what_is_required_is_named(absent, field):
    payload = {key: value for key, value in FINDING.items() if key not in absent}
    with pytest.raises(RejectedError) as caught:
        read(payload, "aws-guardduty", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_does_not_raise():
    poisoned = {**everywhere(FINDING), "createdAt": FINDING["createdAt"]}
    (alert,) = read(poisoned, "aws-guardduty", NOW)

    assert len(alert.title) <= 300
    assert alert.flow is None
