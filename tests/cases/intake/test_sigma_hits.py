"""Hits of Sigma rules: the shapes of hayabusa and chainsaw, short words, and events of several kinds."""

import csv
import json
from datetime import UTC, datetime
from io import BytesIO, StringIO

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split, stream
from tests import hostile

NOW = datetime(2026, 11, 2, tzinfo=UTC)
RULE = "0c1d0000-0000-4000-8000-000000000001"
HAYABUSA = {
    "Timestamp": "2026-11-01 19:00:00.123 +09:00",
    "RuleTitle": "Odd Child",
    "Level": "crit",
    "Computer": "pc-1.corp.example",
    "Channel": "Sysmon",
    "EventID": 1,
    "RecordID": 4711,
    "MitreTactics": ["Exec"],
    "MitreTags": ["T1059.001"],
    "OtherTags": ["detection.threat_hunting"],
    "Details": {
        "Cmdline": "x.exe -run",
        "Proc": "C:\\Temp\\x.exe",
        "ParentCmdline": "winword.exe /n",
        "User": "CORP\\Ada",
        "Hashes": "MD5=" + "A1" * 16 + ",IMPHASH=" + "B2" * 16,
        "PID": 88,
        "LID": "-",
    },
    "ExtraFieldInfo": {"ParentImage": "C:\\Office\\winword.exe"},
    "RuleID": RULE,
    "RuleFile": "odd_child.yml",
    "EvtxFile": "sysmon.evtx",
}
EVENT = {
    "Event": {
        "System": {
            "Provider_attributes": {"Name": "Microsoft-Windows-Sysmon"},
            "EventID": 3,
            "TimeCreated_attributes": {"SystemTime": "2026-11-01T10:00:00.000000Z"},
            "EventRecordID": 4712,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "pc-1.corp.example",
        },
        "EventData": {
            "Image": "C:\\Temp\\x.exe",
            "User": "CORP\\Ada",
            "Initiated": "true",
            "SourceIp": "10.1.2.3",
            "DestinationIp": "203.0.113.9",
            "DestinationPort": 443,
            "Protocol": "tcp",
        },
    }
}
CHAINSAW = {
    "group": "Sigma",
    "kind": "individual",
    "document": {"kind": "evtx", "path": "sysmon.evtx", "data": EVENT},
    "name": "Odd Connection",
    "timestamp": "2026-11-01T10:00:00.000000+00:00",
    "authors": ["A"],
    "level": "medium",
    "source": "sigma",
    "status": "stable",
    "id": RULE,
    "references": ["no link", "https://rules.example/1"],
    "tags": ["attack.command_and_control", "attack.t1071.001", "attack.execution", "cve.2026.12345"],
}


def _values(alert):
    return {(one.kind, one.value) for one in alert.observables}


def test_a_hit_of_hayabusa_is_about_the_rule_and_names_what_the_event_does():
    ((detector, alert),) = read_with(HAYABUSA, "auto", NOW)

    assert detector.slug == "sigma-hits"
    assert (alert.title, alert.rule_id, alert.rule_name) == ("Odd Child", RULE, "Odd Child")
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (4, "crit", False)
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert alert.problems == ()
    assert alert.attack == (("T1059.001", "TA0002"),)
    assert alert.tags == ("detection.threat_hunting",)
    assert [(one.fqdn, one.name) for one in alert.devices] == [("pc-1.corp.example", "pc-1")]
    assert [(one.domain, one.login) for one in alert.people] == [("CORP", "ada")]
    assert _values(alert) == {
        ("process", "C:\\Temp\\x.exe"),
        ("command_line", "x.exe -run"),
        ("process", "C:\\Office\\winword.exe"),
        ("command_line", "winword.exe /n"),
        ("hash_md5", "a1" * 16),
        ("user", "corp\\ada"),
    }
    assert alert.description.splitlines()[:2] == ["Cmdline: x.exe -run", "Proc: C:\\Temp\\x.exe"]


def test_a_row_of_its_csv_reads_as_its_json():
    flat = {
        **HAYABUSA,
        "Details": " ¦ ".join(f"{key}: {value}" for key, value in HAYABUSA["Details"].items()),
        "ExtraFieldInfo": "ParentImage: C:\\Office\\winword.exe",
        "MitreTactics": "Exec ¦ Evas",
        "MitreTags": "T1059.001 ¦ G0007",
        "OtherTags": "",
    }
    text = StringIO()
    writer = csv.DictWriter(text, flat)
    writer.writeheader()
    writer.writerow(flat)
    (message,) = stream(BytesIO(text.getvalue().encode()))
    ((detector, alert),) = read_with(message, "auto", NOW)
    ((_, same),) = read_with(HAYABUSA, "auto", NOW)

    assert detector.slug == "sigma-hits"
    assert (alert.source_ref, alert.observables) == (same.source_ref, same.observables)
    assert alert.attack == (("T1059.001", ""), ("", "TA0002"), ("", "TA0005"))


def test_the_profile_for_timesketch_has_other_names_for_title_and_time():
    renamed = {"datetime": "2026-11-01T10:00:00.123Z", "timestamp_desc": "hayabusa", "message": "Odd Child"}
    sketch = {**{key: value for key, value in HAYABUSA.items() if key not in {"Timestamp", "RuleTitle"}}, **renamed}
    ((detector, alert),) = read_with(sketch, "auto", NOW)

    assert (detector.slug, alert.title, alert.detected_at.hour) == ("sigma-hits", "Odd Child", 10)


@pytest.mark.parametrize(
    ("details", "found"),
    [
        ({"SrcIP": "203.0.113.9", "TgtUser": "Ada", "SrcUser": "-"}, {("ip", "203.0.113.9"), ("user", "ada")}),
        (
            {"TgtIP": "203.0.113.9", "TgtPort": 443, "TgtHost": "c2.example"},
            {("ip", "203.0.113.9"), ("domain", "c2.example")},
        ),
        ({"Path": "C:\\Temp\\a.dll"}, {("file_path", "C:\\Temp\\a.dll")}),
        ({"Query": "c2.example", "Result": "203.0.113.9"}, {("domain", "c2.example"), ("ip", "203.0.113.9")}),
    ],
)
def test_the_short_names_of_hayabusa(details, found):
    (alert,) = read({**HAYABUSA, "Details": details, "ExtraFieldInfo": "-"}, "auto", NOW)

    assert _values(alert) == found


@pytest.mark.parametrize(
    ("level", "severity", "is_assumed"),
    [("info", 0, False), ("low", 1, False), ("med", 2, False), ("high", 3, False), ("undef", 2, True)],
)
def test_levels(level, severity, is_assumed):
    (alert,) = read({**HAYABUSA, "Level": level}, "auto", NOW)

    assert (alert.severity, alert.is_severity_assumed) == (severity, is_assumed)


def test_the_same_hit_read_again_is_the_same_and_another_record_is_not():
    (first,), (again,) = read(HAYABUSA, "auto", NOW), read({**HAYABUSA, "EvtxFile": "copy.evtx"}, "auto", NOW)
    (other,) = read({**HAYABUSA, "RecordID": 4713}, "auto", NOW)

    assert first.source_ref == again.source_ref != other.source_ref


def test_a_hit_of_chainsaw_unwraps_its_event():
    ((detector, alert),) = read_with(CHAINSAW, "auto", NOW)

    assert detector.slug == "sigma-hits"
    assert (alert.title, alert.rule_id, alert.rule_url) == ("Odd Connection", RULE, "https://rules.example/1")
    assert (alert.severity, alert.count) == (2, 1)
    assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert alert.attack == (("T1071.001", ""), ("", "TA0011"), ("", "TA0002"))
    assert alert.tags == ("cve.2026.12345", "Sigma")
    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.2.3", "203.0.113.9", 443)
    assert [(one.fqdn, one.address) for one in alert.devices] == [("pc-1.corp.example", "10.1.2.3")]
    assert [one.login for one in alert.people] == ["ada"]
    assert ("process", "C:\\Temp\\x.exe") in _values(alert)


def test_an_aggregate_counts_its_events_and_names_all_their_devices():
    other = json.loads(json.dumps(EVENT).replace("pc-1", "pc-2").replace("10.1.2.3", "10.1.2.4"))
    hit = {key: value for key, value in CHAINSAW.items() if key != "document"}
    documents = [{"kind": "evtx", "data": EVENT}, {"kind": "evtx", "data": other}]
    (alert,) = read({**hit, "kind": "aggregate", "documents": documents}, "auto", NOW)

    assert alert.count == 2
    assert [one.name for one in alert.devices] == ["pc-1", "pc-2"]
    assert {("ip", "10.1.2.3"), ("ip", "10.1.2.4")} <= _values(alert)


def test_a_hit_in_a_log_that_is_not_of_windows_is_guessed_at():
    document = {"kind": "json", "data": {"hostname": "web-1", "username": "Ada", "src_ip": "203.0.113.9"}}
    (alert,) = read({**CHAINSAW, "document": document}, "auto", NOW)

    assert [one.name for one in alert.devices] == ["web-1"]
    assert [one.login for one in alert.people] == ["ada"]
    assert alert.flow.src_ip == "203.0.113.9"
    assert ("ip", "203.0.113.9") in _values(alert)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({**HAYABUSA, "RuleTitle": ""}, "RuleTitle"),
        ({**HAYABUSA, "Timestamp": "soon"}, "Timestamp"),
        ({**CHAINSAW, "name": None}, "name"),
        ({**CHAINSAW, "timestamp": None}, "timestamp"),
    ],
)
def test_what_lacks_a_title_or_a_time_is_rejected_by_name(payload, field):
    with pytest.raises(RejectedError) as caught:
        read(payload, "sigma-hits", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


@pytest.mark.parametrize(("payload", "time"), [(HAYABUSA, "Timestamp"), (CHAINSAW, "timestamp")])
def test_hostile_text_in_every_field_never_rejects(payload, time):
    poisoned = {**hostile.everywhere(payload), time: payload[time]}
    (message,) = split(json.dumps(poisoned).encode(), max_alerts=10, max_bytes=10**8, max_alert_bytes=10**8).messages
    ((detector, alert),) = read_with(message, "auto", NOW)

    assert detector.slug == "sigma-hits"
    assert 0 < len(alert.title) <= 300
    assert "\\x00" not in repr(alert)


@pytest.mark.parametrize("odd", [[], "x", 5, None, {"a": [1]}])
@pytest.mark.parametrize("key", ["Details", "MitreTags", "EventID", "document", "tags", "references"])
def test_values_of_another_kind_than_expected_do_not_raise(key, odd):
    payload = CHAINSAW if key in CHAINSAW else HAYABUSA
    assert (
        read({**payload, key: odd}, "sigma-hits", NOW)
        if key != "document"
        else read({**payload, "document": odd}, "auto", NOW)
    )
