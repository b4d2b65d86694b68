"""Defender's streaming: an alert and its evidence come apart, with JSON inside texts, among telemetry."""

import json
from datetime import UTC, datetime
from itertools import permutations

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
AT = datetime(2026, 11, 1, 10, 5, 0, 123456, tzinfo=UTC)
ROW = {
    "Timestamp": "2026-11-01T10:05:00.1234567Z",
    "AlertId": "da1",
    "Title": "Odd start of a shell",
    "Severity": "High",
    "DetectionSource": "EDR",
    "ServiceSource": "Microsoft Defender for Endpoint",
    "AttackTechniques": '["PowerShell (T1059.001)", "Rundll32 (T1218.011)"]',
}
INFO = {
    "time": "2026-11-01T12:00:00Z",
    "category": "AdvancedHunting-AlertInfo",
    "properties": {**ROW, "Category": "Execution"},
}
EVIDENCE = {
    "time": "2026-11-01T12:00:00Z",
    "category": "AdvancedHunting-AlertEvidence",
    "properties": {
        **ROW,
        "Categories": '["Execution"]',
        "EntityType": "Process",
        "EvidenceRole": "Related",
        "EvidenceDirection": "Destination",
        "DeviceId": "m1",
        "DeviceName": "pc-5.corp.example",
        "LocalIP": "10.1.2.3",
        "RemoteIP": "203.0.113.9",
        "RemoteUrl": "evil.example",
        "AccountName": "Ada",
        "AccountDomain": "corp",
        "AccountSid": "S-1-5-21-1-2-3-1001",
        "AccountUpn": "Ada@corp.example",
        "AccountObjectId": "o-1",
        "FileName": "x.exe",
        "FolderPath": "C:\\Temp",
        "SHA256": "AB" * 32,
        "SHA1": None,
        "ProcessCommandLine": "x -y",
        "RegistryKey": "HKEY_LOCAL_MACHINE\\Software\\Run",
        "RegistryValueName": "evil",
        "RegistryValueData": "x.exe",
        "AdditionalFields": json.dumps({"ParentProcess": {"CommandLine": "parent -z"}, "MergeByKeyHex": "AA01"}),
    },
}


def test_an_alert_is_read_with_the_names_and_times_of_its_row():
    ((detector, alert),) = read_with({"records": [INFO]}, "auto", NOW)

    assert detector.slug == "defender-streaming"
    assert (alert.title, alert.rule_id) == ("Odd start of a shell", "EDR:Odd start of a shell")
    assert (alert.detected_at, alert.source_ref, alert.grouping_key) == (AT, "da1", "da1")
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "High", False)
    assert alert.attack == (("T1059.001", ""), ("T1218.011", ""), ("", "TA0002"))
    assert alert.tags == ("Microsoft Defender for Endpoint", "Execution")
    assert (alert.devices, alert.people, alert.problems) == ((), (), ())


def test_evidence_brings_device_person_and_observables():
    ((detector, alert),) = read_with(EVIDENCE, "auto", NOW)
    (device,), (person,) = alert.devices, alert.people

    assert detector.slug == "defender-streaming"
    assert (alert.title, alert.rule_id) == ("Odd start of a shell", "EDR:Odd start of a shell")
    assert (device.agent_id, device.is_edr) == ("m1", True)
    assert (device.fqdn, device.name, device.address) == ("pc-5.corp.example", "pc-5", "10.1.2.3")
    assert (person.directory_id, person.sid, person.upn) == ("o-1", "S-1-5-21-1-2-3-1001", "ada@corp.example")
    assert (alert.flow.src_ip, alert.flow.dst_ip) == ("10.1.2.3", "203.0.113.9")
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "203.0.113.9"),
        ("domain", "evil.example"),
        ("hash_sha256", "ab" * 32),
        ("file_name", "x.exe"),
        ("file_path", "C:\\Temp\\x.exe"),
        ("command_line", "x -y"),
        ("registry_key", "HKLM\\Software\\Run"),
        ("registry_value", "HKLM\\Software\\Run\\evil"),
        ("command_line", "parent -z"),
        ("user", "ada@corp.example"),
    ]


def test_an_alert_and_its_evidence_belong_together_in_any_order_and_stay_apart():
    other = {**EVIDENCE, "properties": {**EVIDENCE["properties"], "DeviceId": "m2", "AdditionalFields": None}}
    for order in permutations([INFO, EVIDENCE, other]):
        alerts = read({"records": list(order)}, "auto", NOW)
        assert {alert.grouping_key for alert in alerts} == {"da1"}
        told_by = {(alert.title, alert.description, alert.rule_id, alert.tags, alert.attack) for alert in alerts}
        assert len(told_by) == 1  # of these a kind is made, and alerts of two kinds never join
        assert len({alert.source_ref for alert in alerts}) == 3
    again = {**EVIDENCE, "time": "2026-11-01T13:00:00Z"}
    assert read(again, "auto", NOW)[0].source_ref == read(EVIDENCE, "auto", NOW)[0].source_ref


def test_a_remote_end_that_is_the_source_is_one():
    properties = {**EVIDENCE["properties"], "EvidenceDirection": "Source"}
    (alert,) = read({**EVIDENCE, "properties": properties}, "auto", NOW)

    assert (alert.flow.src_ip, alert.flow.dst_ip) == ("203.0.113.9", "10.1.2.3")
    assert [one.role for one in alert.observables if one.value == "203.0.113.9"] == ["source"]


def test_a_machine_of_a_cloud_is_a_device_and_whoever_got_mail_a_target():
    more = json.dumps({"ResourceType": "Virtual Machine", "ResourceName": "vm-1"})
    row = {**ROW, "EntityType": "CloudResource", "AdditionalFields": more}
    (alert,) = read({**EVIDENCE, "properties": row}, "auto", NOW)
    assert [(one.name, one.agent_id) for one in alert.devices] == [("vm-1", "")]

    row = {**ROW, "EntityType": "MailMessage", "AccountUpn": "bo@corp.example"}
    (alert,) = read({**EVIDENCE, "properties": row}, "auto", NOW)
    assert [(one.upn, one.role) for one in alert.people] == [("bo@corp.example", "target")]


@pytest.mark.parametrize("sent", ["", None, "[broken", ["PowerShell (T1059.001)"], "T1059.001"])
def test_techniques_may_be_a_text_a_list_or_nothing(sent):
    (alert,) = read({**INFO, "properties": {**ROW, "AttackTechniques": sent}}, "auto", NOW)

    assert alert.attack in {(), (("T1059.001", ""),)}
    assert bool(alert.attack) is (bool(sent) and sent != "[broken")


def test_the_service_of_the_machine_is_nobody():
    properties = {**ROW, "AccountName": "system", "AccountDomain": "nt authority", "AccountSid": "S-1-5-18"}
    assert read({**EVIDENCE, "properties": properties}, "auto", NOW)[0].people == ()


@pytest.mark.parametrize("table", ["DeviceProcessEvents", "EmailEvents", ""])
def test_rows_of_other_tables_are_no_alerts(table):
    with pytest.raises(IgnoredError):
        read({**INFO, "category": f"AdvancedHunting-{table}"}, "auto", NOW)


@pytest.mark.parametrize("name", ["Title", "Timestamp"])
def test_a_row_without_title_or_time_is_refused_by_name(name):
    with pytest.raises(RejectedError) as caught:
        read({**INFO, "properties": {**ROW, name: None}}, "defender-streaming", NOW)
    assert [problem.field for problem in caught.value.problems] == [f"properties.{name}"]


def test_hostile_text_never_rejects():
    properties = {**everywhere(EVIDENCE["properties"]), "Timestamp": ROW["Timestamp"]}
    ((detector, alert),) = read_with({**EVIDENCE, "properties": properties}, "auto", NOW)

    assert detector.slug == "defender-streaming"
    assert (0 < len(alert.title) <= 300, len(alert.source_ref) <= 255, len(alert.grouping_key)) == (True, True, 255)
