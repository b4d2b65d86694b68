"""Splunk: notables whose fields are texts or lists, and webhooks with one row of a search."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
AT = datetime(2026, 11, 1, 10, 5, tzinfo=UTC)
NOTABLE = {
    "event_id": "G@@notable@@h1",
    "rule_id": "G@@notable@@h1",
    "search_name": "Access - Odd sign-in - Rule",
    "rule_name": "Odd sign-in",
    "rule_title": "Odd sign-in of ada",
    "rule_description": "Somebody signed in from afar.",
    "_time": "2026-11-01T10:05:00.000+00:00",
    "orig_time": "1793527200",
    "urgency": "critical",
    "severity": "low",
    "priority": "unknown",
    "risk_score": "80",
    "status": "1",
    "status_label": "New",
    "action": "blocked",
    "src": ["198.51.100.7", "198.51.100.8"],
    "src_port": "50000",
    "dest": "10.1.2.3",
    "dest_nt_host": "PC-9",
    "dest_port": "443",
    "transport": "tcp",
    "dvc": "fw-1",
    "user": ["CORP\\Ada", "PC-9$"],
    "src_user": "Bo",
    "url": "http://evil.example/a",
    "file_hash": ["AB" * 32],
    "file_name": "x.exe",
    "file_path": "C:\\Temp",
    "process": "x -y",
    "annotations": '{"mitre_attack": ["T1078"]}',
    "annotations.mitre_attack": ["T1110", "T1021.001"],
    "security_domain": "access",
    "tag": ["authentication"],
}


def test_a_notable_is_read_whole():
    ((detector, alert),) = read_with({"results": [NOTABLE]}, "auto", NOW)
    (device,) = alert.devices

    assert detector.slug == "splunk-notable"
    assert (alert.title, alert.rule_id, alert.rule_name) == (
        "Odd sign-in of ada",
        "Access - Odd sign-in - Rule",
        "Odd sign-in",
    )
    assert (alert.source_ref, alert.detected_at) == ("G@@notable@@h1", AT)
    assert alert.first_seen_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (alert.severity, alert.severity_raw, alert.risk_score) == (4, "critical", 80)
    assert (alert.status, alert.action, alert.tags) == ("New", "blocked", ("access", "authentication"))
    assert (device.name, device.address) == ("PC-9", "10.1.2.3")
    assert [(one.login, one.domain, one.role) for one in alert.people] == [
        ("bo", "", "actor"),
        ("ada", "CORP", "target"),
    ]
    assert (alert.flow.src_ip, alert.flow.src_port, alert.flow.dst_port) == ("198.51.100.7", 50000, 443)
    assert {technique for technique, _ in alert.attack} == {"T1110", "T1021.001", "T1078"}
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "198.51.100.7"),
        ("ip", "10.1.2.3"),
        ("ip", "198.51.100.8"),
        ("url", "http://evil.example/a"),
        ("command_line", "x -y"),
        ("hash_sha256", "ab" * 32),
        ("file_name", "x.exe"),
        ("file_path", "C:\\Temp\\x.exe"),
        ("user", "bo"),
        ("user", "corp\\ada"),
    ]
    assert alert.problems == ()


@pytest.mark.parametrize(
    ("urgency", "severity", "ours", "is_assumed"),
    [
        ("informational", "critical", 0, False),
        ("high", "low", 3, False),
        ("", "low", 1, True),
        ("unknown", "", 2, True),
        ("odd", "low", 2, True),
    ],
)
def test_the_urgency_counts_and_not_the_severity(urgency, severity, ours, is_assumed):
    (alert,) = read({**NOTABLE, "urgency": urgency, "severity": severity}, "auto", NOW)

    assert (alert.severity, alert.is_severity_assumed) == (ours, is_assumed)


@pytest.mark.parametrize("sent", ["T1110,T1021.001", ["T1110", "T1021.001"], '["T1110", "T1021.001"]'])
def test_techniques_in_every_form(sent):
    payload = {**NOTABLE, "annotations": None, "annotations.mitre_attack": sent}
    (alert,) = read(payload, "auto", NOW)

    assert alert.attack == (("T1110", ""), ("T1021.001", ""))


def test_traffic_to_the_outside_is_about_the_device_inside():
    payload = {**NOTABLE, "src": "10.1.2.9", "src_nt_host": "PC-2", "dest": "203.0.113.9", "dest_nt_host": None}
    (alert,) = read(payload, "auto", NOW)
    assert [(one.name, one.address) for one in alert.devices] == [("PC-2", "10.1.2.9")]

    payload = {"search_name": "s", "_time": "1793527200", "dvc": "host-1.corp.example"}
    (alert,) = read(payload, "auto", NOW)
    assert [one.fqdn for one in alert.devices] == ["host-1.corp.example"]


ROW = {"host_seen": "x", "clientip": "203.0.113.9", "hits": "4", "_serial": "0"}
WEBHOOK = {
    "sid": "scheduler__admin__search__RMD5abc_at_1793527500_12",
    "search_name": "Many failures",
    "app": "search",
    "owner": "admin",
    "results_link": "https://splunk.example/@go?sid=1",
    "result": ROW,
}


def test_a_webhook_takes_its_time_from_the_run_of_its_search():
    ((detector, alert),) = read_with(WEBHOOK, "auto", NOW)

    assert detector.slug == "splunk-notable"
    assert (alert.title, alert.rule_id, alert.detected_at) == ("Many failures", "Many failures", AT)
    assert (alert.url, alert.severity, alert.is_severity_assumed) == ("https://splunk.example/@go?sid=1", 2, True)
    assert [one.value for one in alert.observables] == ["203.0.113.9"]
    assert (alert.people, alert.problems) == ((), ())


def test_a_webhook_is_known_again_by_run_and_row():
    def of(**change):
        return read({**WEBHOOK, **change}, "auto", NOW)[0].source_ref

    assert of() == of(result={**ROW, "_serial": "7"}, results_link="https://splunk.example/other")
    assert len({of(), of(result={**ROW, "hits": "5"}), of(sid="other_at_1793527500_13")}) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rule_title": "", "search_name": "-"}, "rule_title"),
        ({"_time": None, "orig_time": "xxx", "event_id": "x"}, "_time"),
    ],
)
def test_without_title_or_time_it_is_refused_by_name(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**NOTABLE, **change}, "splunk-notable", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_score_out_of_its_range_is_dropped_and_named():
    (alert,) = read({**NOTABLE, "risk_score": "560"}, "splunk-notable", NOW)

    assert (alert.risk_score, [problem.field for problem in alert.problems]) == (None, ["risk_score"])


def test_hostile_text_never_rejects():
    (alert,) = read({**everywhere(NOTABLE), "_time": NOTABLE["_time"]}, "auto", NOW)
    (row,) = read({**WEBHOOK, "result": everywhere(ROW), "search_name": everywhere("")}, "auto", NOW)

    assert 0 < len(alert.title) <= 300
    assert 0 < len(row.title) <= 300
