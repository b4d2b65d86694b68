"""Alertmanager and Grafana: many alerts in one POST, free words for severities, ends that lie ahead."""

import json
from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split
from tests import hostile

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ALERT = {
    "status": "firing",
    "labels": {
        "alertname": "BadLookups",
        "severity": "page",
        "instance": "ns-1.corp.example:9153",
        "job": "dns",
        "src_ip": "10.1.2.3",
        "user": "Ada",
        "technique": "T1071.004",
    },
    "annotations": {
        "summary": "Lookups of a bad name",
        "description": "10.1.2.3 asked for hxxp://evil[.]example/x",
        "runbook_url": "https://wiki.example/dns",
        "dashboard": "https://graphs.example/d/1",
    },
    "startsAt": "2026-11-01T10:00:00.123456789Z",
    "endsAt": "2027-01-01T00:00:00Z",
    "generatorURL": "?orgId=1",
    "fingerprint": "c0ffee",
}


def _envelope(*alerts):
    return {
        "version": "4",
        "groupKey": '{}:{alertname="BadLookups"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "nightdesk",
        "groupLabels": {"alertname": "BadLookups"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://alerts.example/",
        "alerts": list(alerts),
    }


def test_one_post_becomes_as_many_messages_as_it_has_alerts():
    alerts = [{**ALERT, "fingerprint": f"f{number}"} for number in range(3)]
    batch = split(json.dumps(_envelope(*alerts)).encode(), max_alerts=10, max_bytes=10**6)
    found = [read_with(message, "auto", NOW)[0] for message in batch.messages]

    assert [detector.slug for detector, _ in found] == ["alertmanager"] * 3
    assert [alert.source_ref for _, alert in found] == [f"f{number}/{ALERT['startsAt']}" for number in range(3)]
    assert {alert.url for _, alert in found} == {"https://alerts.example/"}


def test_a_post_of_no_alerts_is_none():
    assert split(json.dumps(_envelope()).encode(), max_alerts=10, max_bytes=10**6).messages == []


def test_an_alert_is_read_whole():
    (alert,) = read(_envelope(ALERT), "auto", NOW)

    assert (alert.title, alert.rule_id, alert.rule_url) == (
        "Lookups of a bad name",
        "BadLookups",
        "https://wiki.example/dns",
    )
    assert (alert.severity, alert.severity_raw) == (4, "page")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert (alert.status, alert.last_seen_at) == ("firing", None)
    assert [(one.fqdn, one.address) for one in alert.devices] == [("ns-1.corp.example", "")]
    assert [one.login for one in alert.people] == ["ada"]
    assert alert.attack == (("T1071.004", ""),)
    assert "job=dns" in alert.tags
    assert [problem.field for problem in alert.problems] == ["generatorURL"]
    assert {(one.kind, one.value) for one in alert.observables} == {
        ("ip", "10.1.2.3"),
        ("url", "http://evil.example/x"),
    }


def test_a_resolved_alert_is_the_same_one_with_an_end():
    ended = {**ALERT, "status": "resolved", "endsAt": "2026-11-01T11:00:00Z"}
    (fired,), (resolved,) = read(ALERT, "auto", NOW), read(ended, "auto", NOW)

    assert resolved.source_ref == fired.source_ref
    assert (resolved.status, resolved.last_seen_at) == ("resolved", datetime(2026, 11, 1, 11, tzinfo=UTC))


def test_an_end_in_the_year_one_means_none():
    (alert,) = read({**ALERT, "status": "resolved", "endsAt": "0001-01-01T00:00:00Z"}, "auto", NOW)

    assert alert.last_seen_at is None


@pytest.mark.parametrize(
    ("word", "severity", "is_assumed"),
    [
        ("none", 0, False),
        ("info", 0, False),
        ("warning", 2, False),
        ("error", 3, False),
        ("critical", 4, False),
        ("weird", 2, True),
        (None, 2, True),
    ],
)
def test_severities(word, severity, is_assumed):
    (alert,) = read({**ALERT, "labels": {"alertname": "A", "severity": word}}, "auto", NOW)

    assert (alert.severity, alert.is_severity_assumed) == (severity, is_assumed)


@pytest.mark.parametrize(
    ("instance", "name", "address"),
    [
        ("10.0.0.9:9100", "", "10.0.0.9"),
        ("[2001:db8::1]:9100", "", "2001:db8::1"),
        ("2001:db8::1", "", "2001:db8::1"),
        ("https://www.corp.example/login", "www", ""),
        ("pc-1", "pc-1", ""),
    ],
)
def test_the_device_is_what_was_watched(instance, name, address):
    (alert,) = read({**ALERT, "labels": {"alertname": "A", "instance": instance}}, "auto", NOW)

    assert [(one.name, one.address) for one in alert.devices] == [(name, address)]


def test_the_alerts_of_the_api_have_a_state_in_an_object_and_those_of_prometheus_no_fingerprint():
    (listed,) = read({**ALERT, "status": {"state": "active", "silencedBy": []}}, "auto", NOW)
    bare = {key: value for key, value in ALERT.items() if key not in {"fingerprint", "status"}}
    (first,), (again,) = read(bare, "auto", NOW), read({**bare, "endsAt": "2026-12-01T00:00:00Z"}, "auto", NOW)

    assert listed.status == "active"
    assert first.source_ref == again.source_ref


@pytest.mark.parametrize(
    ("change", "field"), [({"labels": {}, "annotations": {}}, "labels.alertname"), ({"startsAt": "soon"}, "startsAt")]
)
def test_what_lacks_a_title_or_a_time_is_rejected_by_name(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**ALERT, **change}, "alertmanager", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_in_every_field_never_rejects():
    payload = {**hostile.everywhere(_envelope(ALERT))["alerts"][0], "startsAt": ALERT["startsAt"]}
    (message,) = split(json.dumps(payload).encode(), max_alerts=10, max_bytes=10**7, max_alert_bytes=10**7).messages
    ((detector, alert),) = read_with(message, "auto", NOW)

    assert detector.slug == "alertmanager"
    assert 0 < len(alert.title) <= 300
    assert "\\x00" not in repr(alert)
