"""ElastAlert 2: documents of any format inside, names and severities that people add, rules that send no document."""

import json
from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split
from tests import hostile

NOW = datetime(2026, 11, 2, tzinfo=UTC)
OWN = {"_id": "d1", "_index": "logs-2026.11", "num_hits": 7, "num_matches": 1}
DOCUMENT = {
    "@timestamp": "2026-11-01T10:00:00.123Z",
    "host": {"name": "pc-1.corp.example"},
    "user.name": "Ada",
    "source": {"ip": "10.1.2.3"},
    "destination": {"ip": "203.0.113.9", "port": 443},
    "message": "Connection to 203.0.113.9",
}
RULE = {"rule_name": "Beacon", "severity": "high", "technique": "T1071"}


def test_the_document_that_matched_gives_who_and_what_and_the_rule_its_name():
    payload = {**DOCUMENT, **OWN, **RULE, "kibana_discover_url": "https://kibana.example/d/1"}
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "elastalert"
    assert (alert.title, alert.rule_id, alert.rule_name) == ("Beacon", "Beacon", "Beacon")
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "high", False)
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert alert.source_ref == "logs-2026.11/d1/Beacon"
    assert alert.url == "https://kibana.example/d/1"
    assert alert.attack == (("T1071", ""),)
    assert [one.fqdn for one in alert.devices] == ["pc-1.corp.example"]
    assert [one.login for one in alert.people] == ["ada"]
    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.2.3", "203.0.113.9", 443)
    assert {("ip", "203.0.113.9"), ("ip", "10.1.2.3")} <= {(one.kind, one.value) for one in alert.observables}
    assert alert.problems == ()


def test_a_rule_that_does_not_say_its_name_is_called_by_the_document_and_told_how_to():
    (alert,) = read({**DOCUMENT, **OWN}, "auto", NOW)

    assert (alert.title, alert.severity, alert.is_severity_assumed) == ("Connection to 203.0.113.9", 2, True)
    assert [problem.field for problem in alert.problems] == ["rule_name"]


def test_two_rules_that_hit_one_document_are_two_alerts():
    (first,), (second,) = (read({**DOCUMENT, **OWN, "rule_name": name}, "auto", NOW) for name in ("A", "B"))
    (again,) = read({**DOCUMENT, **OWN, "rule_name": "A", "num_hits": 9}, "auto", NOW)

    assert first.source_ref == again.source_ref != second.source_ref


def test_a_rule_that_counts_sends_no_document_and_is_known_by_its_values():
    counted = {"@timestamp": "2026-11-01T10:00:00Z", "user": "Ada", "num_hits": 90, "num_matches": 1, **RULE}
    (first,), (again,) = read(counted, "auto", NOW), read({**counted, "num_hits": 91}, "auto", NOW)
    (later,) = read({**counted, "@timestamp": "2026-11-01T11:00:00Z"}, "auto", NOW)

    assert first.source_ref == again.source_ref != later.source_ref


def test_an_event_inside_is_read_by_its_own_detector():
    event = {
        "@timestamp": "2026-11-01T10:00:00Z",
        "winlog": {
            "event_id": 1,
            "provider_name": "Microsoft-Windows-Sysmon",
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "computer_name": "pc-1.corp.example",
            "record_id": 5,
            "event_data": {"Image": "C:\\Temp\\x.exe", "User": "CORP\\Ada", "CommandLine": "x -y"},
        },
    }
    ((detector, alert),) = read_with({**event, **OWN, "rule_name": "Odd program"}, "auto", NOW)

    assert (detector.slug, alert.title, alert.is_unmapped) == ("elastalert", "Odd program", False)
    assert (alert.severity, alert.is_severity_assumed) == (2, True)
    assert {(one.kind, one.value) for one in alert.observables} >= {
        ("process", "C:\\Temp\\x.exe"),
        ("command_line", "x -y"),
    }


def test_an_alert_inside_keeps_its_severity_and_what_is_none_became_one_by_the_rule():
    flow = {
        "timestamp": "2026-11-01T10:00:00Z",
        "event_type": "flow",
        "flow_id": 1,
        "src_ip": "10.1.2.3",
        "dest_ip": "203.0.113.9",
    }
    sent = {**flow, "event_type": "alert", "alert": {"signature": "Bad", "signature_id": 1, "severity": 1}}
    (alert,) = read({**sent, **OWN}, "auto", NOW)
    ((detector, flowed),) = read_with({**flow, **OWN, "rule_name": "Many flows"}, "auto", NOW)

    assert (alert.title, alert.severity, alert.rule_id) == ("Bad", 3, "1:1")
    assert (detector.slug, flowed.title, flowed.flow.dst_ip) == ("elastalert", "Many flows", "203.0.113.9")


def test_a_body_of_chosen_keys_is_read_by_a_source_that_names_the_detector():
    chosen = {"rule_name": "Beacon", "timestamp": "2026-11-01T10:00:00Z", "host": "pc-1"}
    (alert,) = read(chosen, "elastalert", NOW)

    assert (alert.title, [one.name for one in alert.devices]) == ("Beacon", ["pc-1"])


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"@timestamp": "2026-11-01T10:00:00Z", "user": "Ada", **OWN}, "rule_name"),
        ({"rule_name": "Beacon", "@timestamp": "soon", **OWN}, "@timestamp"),
    ],
)
def test_what_lacks_a_title_or_a_time_is_rejected_by_name(payload, field):
    with pytest.raises(RejectedError) as caught:
        read(payload, "elastalert", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_in_every_field_never_rejects():
    payload = {**hostile.everywhere({**DOCUMENT, **OWN, **RULE}), "@timestamp": DOCUMENT["@timestamp"]}
    (message,) = split(json.dumps(payload).encode(), max_alerts=10, max_bytes=10**8, max_alert_bytes=10**8).messages
    ((detector, alert),) = read_with(message, "auto", NOW)

    assert detector.slug == "elastalert"
    assert 0 < len(alert.title) <= 300
    assert "\\x00" not in repr(alert)
