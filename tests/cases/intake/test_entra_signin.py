"""Entra sign-ins and risks of our own making: the export, its lower-case spelling, and rows of Graph."""

import json
from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ROW = {
    "id": "s-1",
    "createdDateTime": "2026-11-01T10:00:00.1234567+00:00",
    "correlationId": "c-1",
    "userPrincipalName": "Ada@corp.example",
    "userId": "11111111-2222-3333-4444-555555555555",
    "appDisplayName": "Mail",
    "ipAddress": "198.51.100.4",
    "clientAppUsed": "Browser",
    "userAgent": "Mozilla/5.0 (X)",
    "autonomousSystemNumber": 64500,
    "location": {"city": "Graz", "state": "", "countryOrRegion": "AT"},
    "deviceDetail": {"deviceId": "d-1", "displayName": "LAPTOP-7", "operatingSystem": "Windows 11"},
    "riskLevelDuringSignIn": "medium",
    "riskLevelAggregated": "high",
    "riskState": "atRisk",
    "riskEventTypes_v2": ["unfamiliarFeatures", "anonymizedIPAddress"],
    "status": {"errorCode": 0, "failureReason": "Other.", "additionalDetails": "Satisfied by a claim"},
}
EXPORT = {
    "time": "2026-11-01T10:05:00Z",
    "category": "SignInLogs",
    "operationName": "Sign-in activity",
    "resultType": "0",
    "callerIpAddress": "203.0.113.8",
    "correlationId": "c-0",
    "location": "AT",
    "properties": ROW,
}


def _changed(**inner):
    return {**EXPORT, "properties": {**ROW, **inner}}


@pytest.mark.parametrize(
    "payload",
    [
        {"records": [EXPORT]},
        {key.lower(): value for key, value in EXPORT.items()},
        {**EXPORT, "properties": json.dumps(ROW)},
        {"value": [ROW]},
    ],
    ids=["records", "lower case", "properties as text", "graph"],
)
def test_a_risky_sign_in_reads_the_same_in_each_shape(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "entra-signin"
    assert alert.title == "Sign-in activity: unfamiliarFeatures, anonymizedIPAddress"
    assert (alert.rule_id, alert.source_ref) == ("Sign-in activity", "s-1")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "high", False)
    assert (alert.action, alert.status) == ("allowed", "atRisk")
    (device,) = alert.devices
    assert (device.name, device.directory_id, device.os) == ("LAPTOP-7", "d-1", "Windows 11")
    assert device.address == "198.51.100.4"
    (person,) = alert.people
    assert (person.upn, person.login, person.directory_id) == ("ada@corp.example", "ada", ROW["userId"])
    assert alert.flow.src_ip == "198.51.100.4"
    observables = {(one.kind, one.value): one for one in alert.observables}
    assert observables["ip", "198.51.100.4"].note == "Graz, AT"
    assert (("ip", "203.0.113.8") in observables) == ("value" not in payload)
    assert {("asn", "64500"), ("user_agent", "Mozilla/5.0 (X)"), ("user", "ada@corp.example")} <= set(observables)
    assert alert.tags[:2] == ("unfamiliarFeatures", "anonymizedIPAddress")
    assert alert.problems == ()


def test_the_reason_is_the_title_where_there_is_no_risk():
    reason = "The password is wrong."
    payload = {**_changed(riskEventTypes_v2=[], riskEventTypes="[]"), "resultDescription": reason}
    (alert,) = read(payload, "entra-signin", NOW)

    assert alert.title == reason
    assert alert.description == f"{reason}\nSatisfied by a claim"


def test_other_is_no_reason():
    (alert,) = read(_changed(riskEventTypes_v2=[]), "entra-signin", NOW)

    assert alert.title == "Sign-in activity"


@pytest.mark.parametrize("sent", ['["leakedCredentials"]', ["leakedCredentials"], "leakedCredentials"])
def test_risks_may_be_json_in_a_text(sent):
    (alert,) = read(_changed(riskEventTypes_v2=None, riskEventTypes=sent), "entra-signin", NOW)

    assert alert.title == "Sign-in activity: leakedCredentials"


@pytest.mark.parametrize(
    ("during", "aggregated", "severity", "raw", "is_assumed"),
    [
        ("none", "none", 0, "none", False),
        ("low", "none", 1, "low", False),
        ("hidden", "hidden", 2, "hidden", True),
        ("hidden", "low", 1, "low", False),
        (None, "", 2, "", True),
    ],
)
def test_the_worst_level_counts(during, aggregated, severity, raw, is_assumed):
    payload = _changed(riskLevelDuringSignIn=during, riskLevelAggregated=aggregated)
    (alert,) = read(payload, "entra-signin", NOW)

    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (severity, raw, is_assumed)


@pytest.mark.parametrize(
    ("code", "action"), [(0, "allowed"), (50076, "unknown"), (50126, "blocked"), (53003, "blocked")]
)
def test_an_interrupted_sign_in_is_neither_let_in_nor_turned_away(code, action):
    (alert,) = read(_changed(status={"errorCode": code}), "entra-signin", NOW)

    assert alert.action == action


def test_a_service_principal_is_no_person():
    payload = _changed(
        userPrincipalName="",
        userId="00000000-0000-0000-0000-000000000000",
        servicePrincipalName="backup-app",
        servicePrincipalId="sp-1",
        deviceDetail={},
        location="AT",
    )
    (alert,) = read({**payload, "category": "ServicePrincipalSignInLogs"}, "auto", NOW)

    assert alert.people == ()
    assert [(one.name, one.address) for one in alert.devices] == [("", "198.51.100.4")]
    (account,) = [one for one in alert.observables if one.role == "account"]
    assert (account.kind, account.value, account.tags) == ("other", "backup-app", ("service-principal",))


def test_a_risk_detection_carries_its_techniques_in_a_text():
    risk = {
        "id": "r-1",
        "riskEventType": "anonymizedIPAddress",
        "riskLevel": "high",
        "riskState": "atRisk",
        "activityDateTime": "2026-11-01T09:00:00Z",
        "detectedDateTime": "2026-11-01T10:00:00Z",
        "userPrincipalName": "ada@corp.example",
        "userId": "u-1",
        "ipAddress": "198.51.100.4",
        "additionalInfo": '[{"Key":"mitreTechniques","Value":"T1090.003,T1078"},{"Key":"other","Value":"T1000"}]',
    }
    export = {"category": "UserRiskEvents", "operationName": "User Risk Detection", "resultType": 0, "properties": risk}
    for payload, words in ((export, "User Risk Detection"), (risk, "Risk detection")):
        ((detector, alert),) = read_with(payload, "auto", NOW)

        assert detector.slug == "entra-signin"
        assert alert.title == f"{words}: anonymizedIPAddress"
        assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
        assert alert.first_seen_at == datetime(2026, 11, 1, 9, tzinfo=UTC)
        assert (alert.severity, alert.action) == (3, "unknown")
        assert alert.attack == (("T1090.003", ""), ("T1078", ""))


def test_a_risky_user_is_another_alert_when_the_risk_changes():
    user = {"id": "u-1", "userPrincipalName": "ada@corp.example", "riskLevel": "low", "riskState": "atRisk"}
    export = {"category": "RiskyUsers", "operationName": "Risky user"}
    first, second = (
        read({**export, "properties": {**user, "riskLastUpdatedDateTime": moment}}, "auto", NOW)[0]
        for moment in ("2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z")
    )

    assert first.source_ref != second.source_ref
    assert first.people[0].directory_id == "u-1"


def test_the_correlation_id_is_no_reference():
    first, second = (
        read(_changed(id=None, createdDateTime=moment), "entra-signin", NOW)[0].source_ref
        for moment in ("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z")
    )

    assert first != second


def test_what_is_required_is_named():
    payload = {**_changed(createdDateTime="soon"), "time": None}
    with pytest.raises(RejectedError) as caught:
        read(payload, "entra-signin", NOW)
    assert [problem.field for problem in caught.value.problems] == ["createdDateTime"]


def test_hostile_text_does_not_raise():
    poisoned = {**everywhere(EXPORT), "time": EXPORT["time"]}
    (alert,) = read(poisoned, "entra-signin", NOW)

    assert len(alert.title) <= 300
    assert alert.flow is None
