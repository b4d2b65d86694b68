"""Sentinel incidents: from a list, from the automation's envelope, with placeholder words and with entities."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
RULE = "/subscriptions/s/providers/Microsoft.SecurityInsights/alertRules/r-1"
INCIDENT = {
    "id": "/subscriptions/s/providers/Microsoft.SecurityInsights/Incidents/i-1",
    "name": "i-1",
    "type": "Microsoft.SecurityInsights/Incidents",
    "properties": {
        "title": "Odd sign-ins",
        "description": "Several from afar.",
        "severity": "High",
        "status": "New",
        "owner": {"email": "null", "userPrincipalName": "soc@corp.example"},
        "labels": [{"labelName": "vip", "labelType": "User"}],
        "createdTimeUtc": "2026-11-01T10:05:00.1234567Z",
        "firstActivityTimeUtc": "2026-11-01T09:00:00Z",
        "lastActivityTimeUtc": "2026-11-01T09:30:00Z",
        "incidentNumber": 7,
        "incidentUrl": "https://portal.example/i-1",
        "additionalData": {"tactics": ["InitialAccess"], "techniques": ["T1078"]},
        "relatedAnalyticRuleIds": [RULE],
    },
}
ENTITIES = [
    {"kind": "Account", "properties": {"accountName": "Ada", "upnSuffix": "corp.example", "aadUserId": "o-1"}},
    {"kind": "Account", "properties": {"accountName": "PC-1$", "ntDomain": "CORP"}},
    {
        "kind": "Host",
        "properties": {"hostName": "PC-1", "dnsDomain": "corp.example", "additionalData": {"MdatpDeviceId": "m1"}},
    },
    {"kind": "Ip", "properties": {"address": "203.0.113.9"}},
    {"kind": "Url", "properties": {"url": "http://evil.example/a"}},
    {"kind": "FileHash", "properties": {"hashValue": "AB" * 32, "algorithm": "SHA256"}},
    {"kind": "File", "properties": {"directory": "C:\\Temp", "fileName": "x.exe"}},
    {"kind": "Process", "properties": {"commandLine": "x -y"}},
    {"kind": "RegistryKey", "properties": {"hive": "HKEY_LOCAL_MACHINE", "key": "Software\\Run"}},
]
TRIGGER = {
    "eventUniqueId": "e",
    "objectSchemaType": "Incident",
    "objectEventType": "Create",
    "workspaceInfo": {"WorkspaceName": "w"},
    "workspaceId": "w",
    "object": INCIDENT,
}


LOWER = {**INCIDENT, "type": INCIDENT["type"].lower()}


@pytest.mark.parametrize("payload", [INCIDENT, {"value": [INCIDENT]}, TRIGGER, {"object": INCIDENT}, LOWER])
def test_an_incident_reads_the_same_in_every_envelope(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "sentinel-incident"
    assert (alert.title, alert.description, alert.rule_id) == ("Odd sign-ins", "Several from afar.", RULE)
    assert alert.detected_at == datetime(2026, 11, 1, 10, 5, 0, 123456, tzinfo=UTC)
    assert (alert.first_seen_at.hour, alert.last_seen_at.minute) == (9, 30)
    assert (alert.source_ref, alert.status, alert.url) == ("i-1", "New", "https://portal.example/i-1")
    assert (alert.severity, alert.severity_raw) == (3, "High")
    assert alert.attack == (("T1078", ""), ("", "TA0001"))
    assert alert.tags == ("vip",)
    assert (alert.devices, alert.people, alert.observables, alert.problems) == ((), (), (), ())


def test_entities_are_read_where_somebody_has_put_them_in():
    payload = {**INCIDENT, "properties": {**INCIDENT["properties"], "relatedEntities": ENTITIES}}
    (alert,) = read(payload, "auto", NOW)
    (device,), (person,) = alert.devices, alert.people

    assert (device.agent_id, device.fqdn, device.name) == ("m1", "pc-1.corp.example", "PC-1")
    assert (person.upn, person.directory_id) == ("ada@corp.example", "o-1")
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "203.0.113.9"),
        ("url", "http://evil.example/a"),
        ("hash_sha256", "ab" * 32),
        ("file_name", "x.exe"),
        ("file_path", "C:\\Temp\\x.exe"),
        ("command_line", "x -y"),
        ("registry_key", "HKLM\\Software\\Run"),
        ("user", "ada@corp.example"),
    ]


def test_a_rule_too_long_to_keep_is_known_by_its_last_part():
    path = f"/subscriptions/{'x' * 300}/alertRules/r-9"
    payload = {**INCIDENT, "properties": {**INCIDENT["properties"], "relatedAnalyticRuleIds": [path]}}

    assert read(payload, "auto", NOW)[0].rule_id == "r-9"


def test_the_number_of_an_incident_is_no_reference_by_itself():
    bare = {**INCIDENT, "name": "null", "id": ""}
    other = {**bare, "properties": {**INCIDENT["properties"], "createdTimeUtc": "2026-11-01T11:00:00Z"}}
    refs = [read(payload, "auto", NOW)[0].source_ref for payload in (bare, bare, other)]

    assert refs[0] == refs[1] != refs[2]


@pytest.mark.parametrize("name", ["title", "createdTimeUtc"])
def test_without_title_or_time_it_is_refused_by_name(name):
    with pytest.raises(RejectedError) as caught:
        read({**INCIDENT, "properties": {**INCIDENT["properties"], name: "null"}}, "sentinel-incident", NOW)
    assert [problem.field for problem in caught.value.problems] == [f"properties.{name}"]


def test_hostile_text_never_rejects():
    properties = {**everywhere({**INCIDENT["properties"], "relatedEntities": ENTITIES})}
    properties["createdTimeUtc"] = INCIDENT["properties"]["createdTimeUtc"]
    (alert,) = read({**INCIDENT, "properties": properties}, "auto", NOW)

    assert 0 < len(alert.title) <= 300
    assert [problem.field for problem in alert.problems] == ["properties.incidentUrl"]
