"""Elastic Security: both generations, dotted and nested keys in any mix, and what is no alert."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
AT = datetime(2026, 11, 1, 10, 5, 0, 250000, tzinfo=UTC)
EIGHT = {
    "@timestamp": "2026-11-01T10:05:00.250Z",
    "kibana.alert.uuid": "a-1",
    "kibana.alert.rule.name": "Odd child of the mail program",
    "kibana.alert.rule.uuid": "r-1",
    "kibana.alert.rule.rule_id": "stable-1",
    "kibana.alert.rule.severity": "low",
    "kibana.alert.rule.threat": [],
    "kibana.alert.rule.parameters": {"version": 4, "references": ["https://rules.example/1"]},
    "kibana.alert.rule.tags": ["Windows"],
    "kibana.alert.reason": "process event by ada on pc-1",
    "kibana.alert.severity": "high",
    "kibana.alert.risk_score": 73.0,
    "kibana.alert.original_time": "2026-11-01T10:01:00Z",
    "kibana.alert.workflow_status": "open",
    "kibana.alert.url": "https://kibana.example/alert/a-1",
    "kibana.alert.suppression.docs_count": 2,
    "event.severity": 21,
    "event.kind": "signal",
    "agent": {"id": "e-1", "type": "endpoint"},
    "host": {
        "name": "PC-1.corp.example",
        "id": "h-1",
        "ip": ["127.0.0.1", "fe80::1", "10.1.2.3"],
        "mac": ["AA-BB-CC-00-11-22"],
        "os": {"full": "Windows 11"},
    },
    "user": {"name": "Ada", "domain": "CORP", "id": "S-1-5-21-1-2-3-1001"},
    "process": {
        "executable": "C:\\Windows\\x.exe",
        "command_line": "x -y",
        "hash": {"sha256": "AB" * 32},
        "parent": {"executable": "C:\\Office\\mail.exe"},
    },
    "file.path": "C:\\Temp\\a.dll",
    "file": {"name": "a.dll"},
    "registry": {"path": "HKLM\\Software\\Run\\evil", "value": "evil", "data": {"strings": ["x.exe"]}},
    "destination": {"ip": "203.0.113.9", "port": 443},
    "source": {"ip": "10.1.2.3", "port": 50000},
    "network.transport": "tcp",
    "threat": [
        {
            "tactic": {"id": "TA0002"},
            "technique": [{"id": "T1059", "subtechnique": [{"id": "T1059.001"}]}],
        },
        {"tactic": {"id": "TA0011"}},
    ],
}


def _nested(flat):
    """The same document with every dot of its keys an object."""
    found = {}
    for key, value in flat.items():
        *above, last = key.split(".")
        place = found
        for name in above:
            place = place.setdefault(name, {})
        if isinstance(value, dict):
            place.setdefault(last, {}).update(_nested(value))
        else:
            place[last] = value
    return found


HALF = {key: value for key, value in EIGHT.items() if not key.startswith("kibana.alert.")} | {
    "kibana.alert": {
        key.removeprefix("kibana.alert."): value for key, value in EIGHT.items() if key.startswith("kibana.alert.")
    }
}


@pytest.mark.parametrize("payload", [EIGHT, _nested(EIGHT), HALF, {"_index": ".a", "_id": "x", "_source": EIGHT}])
def test_an_alert_reads_the_same_in_every_spelling(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "elastic-security"
    assert (alert.title, alert.description) == ("Odd child of the mail program", "process event by ada on pc-1")
    assert (alert.rule_id, alert.rule_version, alert.rule_url) == ("r-1", "4", "https://rules.example/1")
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "high", False)
    assert (alert.risk_score, alert.count, alert.status) == (73, 3, "open")
    assert (alert.detected_at, alert.first_seen_at) == (AT, datetime(2026, 11, 1, 10, 1, tzinfo=UTC))
    assert (alert.source_ref, alert.url) == ("a-1", "https://kibana.example/alert/a-1")
    assert alert.attack == (("T1059", "TA0002"), ("T1059.001", "TA0002"), ("", "TA0011"))
    assert alert.tags == ("Windows",)
    assert alert.problems == ()


def test_an_alert_names_its_device_person_and_observables():
    (alert,) = read(EIGHT, "elastic-security", NOW)
    (device,), (person,) = alert.devices, alert.people

    assert (device.agent_id, device.is_edr, device.mac) == ("e-1", False, "aa:bb:cc:00:11:22")
    assert (device.fqdn, device.name, device.address) == ("pc-1.corp.example", "PC-1", "10.1.2.3")
    assert (person.login, person.domain, person.sid) == ("ada", "CORP", "S-1-5-21-1-2-3-1001")
    assert (alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == ("203.0.113.9", 443, "tcp")
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "203.0.113.9"),
        ("process", "C:\\Windows\\x.exe"),
        ("process", "C:\\Office\\mail.exe"),
        ("command_line", "x -y"),
        ("hash_sha256", "ab" * 32),
        ("file_name", "a.dll"),
        ("file_path", "C:\\Temp\\a.dll"),
        ("registry_key", "HKLM\\Software\\Run"),
        ("registry_value", "HKLM\\Software\\Run\\evil"),
        ("user", "corp\\ada"),
    ]


def test_keys_that_contradict_each_other_are_all_read():
    payload = {**EIGHT, "process.name": "x.exe", "url.full": "http://evil.example/a", "url": "odd", "dns": "odd"}
    (alert,) = read({**payload, "dns.question.name": "evil.example"}, "auto", NOW)

    assert "C:\\Windows\\x.exe" in [one.value for one in alert.observables]
    assert "evil.example" in [one.value for one in alert.observables]
    assert "http://evil.example/a" in [one.value for one in alert.observables]


SEVEN = {
    "@timestamp": "2026-11-01T10:05:00.250Z",
    "signal": {
        "original_time": "2026-11-01T10:01:00Z",
        "status": "open",
        "rule": {
            "id": "r-7",
            "name": "Old rule",
            "severity": "critical",
            "risk_score": 99,
            "threat": [{"tactic": {"id": "TA0003"}, "technique": [{"id": "T1053"}]}],
        },
    },
    "host": {"name": "pc-2"},
    "winlog": {"event_id": 1, "channel": "C", "computer_name": "pc-2"},
}


def test_an_alert_before_version_eight_takes_the_id_of_its_document():
    ((detector, alert),) = read_with({"_index": "s", "_id": "doc-7", "_score": 1, "_source": SEVEN}, "auto", NOW)

    assert detector.slug == "elastic-security"
    assert (alert.title, alert.rule_id, alert.source_ref) == ("Old rule", "r-7", "doc-7")
    assert (alert.severity, alert.risk_score, alert.status) == (4, 99, "open")
    assert (alert.detected_at, alert.attack) == (AT, (("T1053", "TA0003"),))


def test_the_id_of_a_hit_does_not_spoil_an_alert_of_our_own_schema():
    own = {"source_ref": "8", "title": "Own", "severity": 3, "detected_at": "2026-11-01T10:00:00Z"}
    ((detector, alert),) = read_with({"_index": "a", "_id": "doc-8", "_source": own}, "auto", NOW)

    assert (detector.slug, alert.source_ref) == ("nightdesk", "8")


def test_without_any_id_the_rule_and_the_moment_name_an_alert():
    first, again = read(SEVEN, "auto", NOW)[0], read({**SEVEN, "tags": ["seen"]}, "auto", NOW)[0]
    other = read({**SEVEN, "host": {"name": "pc-3"}}, "auto", NOW)[0]

    assert first.source_ref == again.source_ref != other.source_ref


@pytest.mark.parametrize(
    ("score", "severity"), [(0, 1), (21, 1), (22, 2), (47, 2), (48, 3), (73, 3), (74, 4), (100, 4)]
)
def test_without_its_word_the_score_tells_the_severity(score, severity):
    payload = {**EIGHT, "kibana.alert.severity": "-", "kibana.alert.risk_score": score}
    (alert,) = read(payload, "elastic-security", NOW)

    assert (alert.severity, alert.severity_raw) == (severity, str(score))


def test_what_the_endpoint_did_counts_more_than_whether_the_event_went_through():
    assert read({**EIGHT, "event.type": ["info", "allowed"]}, "auto", NOW)[0].action == "allowed"
    answered = {**EIGHT, "event.type": ["allowed"], "Responses": [{"message": "Success"}]}
    assert read(answered, "auto", NOW)[0].action == "blocked"
    assert read({**EIGHT, "event.type": "denied"}, "auto", NOW)[0].action == "blocked"


def test_what_a_sensor_saw_is_about_the_inner_end_and_not_the_collector():
    payload = {**EIGHT, "observer": {"type": "ids"}}
    (alert,) = read(payload, "elastic-security", NOW)

    assert [(device.name, device.address) for device in alert.devices] == [("", "10.1.2.3")]


def test_a_matched_indicator_is_marked():
    payload = {**EIGHT, "threat": {"enrichments": [{"matched": {"atomic": "203.0.113.9"}}]}}
    (alert,) = read(payload, "elastic-security", NOW)

    assert [one.value for one in alert.observables if one.is_indicator] == ["203.0.113.9"]


@pytest.mark.parametrize("path", ["kibana.alert.building_block_type", "signal.rule.building_block_type"])
def test_a_building_block_is_no_alert(path):
    with pytest.raises(IgnoredError):
        read({**EIGHT, path: "default"}, "auto", NOW)


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        ("kibana.alert.rule.name", ["kibana.alert.rule.name"]),
        ("@timestamp", ["@timestamp", "kibana.alert.original_time"]),
    ],
)
def test_an_alert_without_title_or_time_is_refused_by_name(path, paths):
    with pytest.raises(RejectedError) as caught:
        read({**EIGHT, **dict.fromkeys(paths)}, "elastic-security", NOW)
    assert [problem.field for problem in caught.value.problems] == [path]


def test_hostile_text_never_rejects():
    payload = {**everywhere(EIGHT), "@timestamp": EIGHT["@timestamp"]}
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "elastic-security"
    assert 0 < len(alert.title) <= 300
    assert alert.url == ""
    assert "kibana.alert.url" in {problem.field for problem in alert.problems}
