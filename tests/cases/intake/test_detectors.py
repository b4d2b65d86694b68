"""The six detectors over payloads of our own making, and texts that want to do harm."""

import json
from datetime import UTC, datetime

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split

NOW = datetime(2026, 11, 2, tzinfo=UTC)
OWN = {"source_ref": "8f2", "title": "Known bad address", "severity": 3, "detected_at": "2026-11-01T10:00:00Z"}
EVE = {
    "timestamp": "2026-11-01T12:00:00.5+0200",
    "flow_id": 7,
    "event_type": "alert",
    "src_ip": "203.0.113.9",
    "src_port": 4444,
    "dest_ip": "10.1.2.3",
    "dest_port": "445",
    "proto": "TCP",
    "host": "sensor-1",
    "alert": {
        "gid": 1,
        "signature_id": 99,
        "rev": 2,
        "signature": "Lateral move",
        "severity": 1,
        "action": "blocked",
        "metadata": {"signature_severity": ["Major"], "mitre_technique_id": ["T1021"]},
    },
    "http": {"hostname": "evil.example", "url": "/a?b"},
}


def test_our_own_schema_is_read_whole():
    flow = {"src_ip": "10.1.2.3", "dst_ip": "203.0.113.9", "dst_port": 443, "proto": "TCP"}
    observable = {"kind": "domain", "value": "Evil[.]Example.", "role": "destination", "ioc": True}
    (alert,) = read({**OWN, "flow": flow, "observables": [observable], "tlp": "red"}, "nightdesk", NOW)

    assert alert.flow.dst_port == 443
    assert alert.flow.proto == "tcp"
    assert alert.devices[0].address == "10.1.2.3"
    assert alert.observables[0].value == "evil.example"
    assert alert.observables[0].is_indicator
    assert (alert.tlp, alert.pap, alert.problems) == (4, 2, ())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"rule": {"id": "1", "size": 2}}, "rule.size"),
        ({"severity": 9}, "severity"),
        ({"title": " \n"}, "title"),
        ({"detected_at": "soon"}, "detected_at"),
        ({"source_ref": None}, "source_ref"),
    ],
)
def test_unknown_and_unreadable_required_fields_are_refused_by_name(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**OWN, **change}, "nightdesk", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_an_optional_value_that_does_not_fit_is_dropped_and_named():
    (alert,) = read({**OWN, "url": "javascript:1", "action": "eaten", "title": "t" * 400}, "nightdesk", NOW)

    assert (alert.url, alert.action, len(alert.title)) == ("", "unknown", 300)
    assert {problem.field for problem in alert.problems} == {"url", "action", "title"}


def test_a_suricata_alert_is_about_the_inner_device_and_not_the_sensor():
    ((detector, alert),) = read_with(EVE, "auto", NOW)

    assert detector.slug == "suricata"
    assert (alert.title, alert.rule_id, alert.rule_version) == ("Lateral move", "1:99", "2")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 500000, tzinfo=UTC)
    assert [device.address for device in alert.devices] == ["10.1.2.3"]
    assert (alert.severity, alert.action, alert.attack) == (3, "blocked", (("T1021", ""),))
    assert "http://evil.example/a?b" in [found.value for found in alert.observables]


def test_the_reference_of_a_suricata_alert_ignores_counters():
    first = read({**EVE, "flow": {"bytes_toserver": 1}}, "suricata", NOW)[0]
    again = read({**EVE, "flow": {"bytes_toserver": 9}}, "suricata", NOW)[0]

    assert first.source_ref == again.source_ref


def test_a_flow_record_is_no_alert():
    with pytest.raises(IgnoredError):
        read({**EVE, "event_type": "flow"}, "suricata", NOW)


def test_wazuh_maps_the_suricata_record_inside_and_keeps_the_agent():
    wrapped = {
        "timestamp": "2026-11-01T10:00:00.000+0000",
        "rule": {"level": 3, "id": "86601", "description": "Suricata: alert"},
        "agent": {"id": "004", "name": "web-1", "ip": "10.1.2.3"},
        "manager": {"name": "m"},
        "id": "1.2",
        "data": EVE,
    }
    ((detector, alert),) = read_with(wrapped, "auto", NOW)

    assert detector.slug == "wazuh"
    assert (alert.title, alert.severity, alert.flow.dst_port) == ("Lateral move", 3, 445)
    assert [(device.name, device.agent_id, device.is_edr) for device in alert.devices] == [("web-1", "m/004", False)]


def _windows(event_id, provider, data):
    return {
        "nested": {
            "Event": {
                "System": {
                    "Provider": {"#attributes": {"Name": provider}},
                    "EventID": {"#text": str(event_id)},
                    "TimeCreated": {"#attributes": {"SystemTime": "2026-11-01T10:00:00.1234567Z"}},
                    "EventRecordID": 5,
                    "Channel": "C",
                    "Computer": "pc-1.corp.example",
                },
                "EventData": data,
            }
        },
        "beat": {
            "@timestamp": "2026-11-01T10:00:00.123Z",
            "winlog": {
                "event_id": event_id,
                "provider_name": provider,
                "channel": "C",
                "computer_name": "pc-1.corp.example",
                "record_id": 5,
                "event_data": data,
            },
        },
        "flat": {
            "EventID": event_id,
            "ProviderName": provider,
            "Channel": "C",
            "Computer": "pc-1.corp.example",
            "EventRecordID": 5,
            "TimeCreated": "2026-11-01T10:00:00.123Z",
            **data,
        },
    }


@pytest.mark.parametrize("shape", ["nested", "beat", "flat"])
def test_a_windows_event_reads_the_same_in_each_shape(shape):
    data = {"Image": "C:\\Windows\\x.exe", "User": "CORP\\Ada", "CommandLine": "x -y", "Hashes": "MD5=" + "A1" * 16}
    payload = _windows(1, "Microsoft-Windows-Sysmon", data)[shape]
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "windows-events"
    assert alert.title == "Process started: x.exe"
    assert (alert.severity, alert.is_severity_assumed, alert.source_ref) == (1, True, "pc-1.corp.example/C/5")
    assert (alert.devices[0].fqdn, alert.devices[0].name) == ("pc-1.corp.example", "pc-1")
    assert (alert.people[0].domain, alert.people[0].login) == ("CORP", "ada")
    assert {found.kind for found in alert.observables} == {"process", "command_line", "hash_md5", "user"}


def test_a_new_usb_disk_is_named_with_its_serial():
    data = {
        "DeviceId": "USBSTOR\\Disk&Ven_A&Prod_B\\4C5300&0",
        "DeviceDescription": "A stick",
        "SubjectUserName": "PC$",
    }
    payload = _windows(6416, "Microsoft-Windows-Security-Auditing", data)["nested"]
    (alert,) = read(payload, "windows-events", NOW)

    assert alert.title == "New external device: A stick"
    assert ("serial", "4C5300") in [(found.kind, found.value) for found in alert.observables]
    assert alert.people == ()


@pytest.mark.parametrize("key", ["@odata.type", "at_sign_odata_type"])
def test_graph_evidence_is_told_by_its_type_whatever_the_key(key):
    evidence = [
        {key: "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": "d1", "deviceDnsName": "pc.corp.example"},
        {key: "#microsoft.graph.security.userEvidence", "userAccount": {"userPrincipalName": "Ada@corp.example"}},
        {key: "#microsoft.graph.security.ipEvidence", "ipAddress": "203.0.113.9"},
    ]
    payload = {
        key: "#microsoft.graph.security.alert",
        "id": "a1",
        "title": "Odd",
        "severity": "high",
        "incidentId": "9",
        "createdDateTime": "2026-11-01T10:00:00.1234567Z",
        "evidence": evidence,
    }
    ((detector, alert),) = read_with({"value": [payload]}, "auto", NOW)

    assert detector.slug == "microsoft-graph-alerts-v2"
    assert (alert.source_ref, alert.severity, alert.grouping_key) == ("a1", 3, "9")
    assert (alert.devices[0].agent_id, alert.people[0].upn) == ("d1", "ada@corp.example")
    assert alert.flow.dst_ip == "203.0.113.9"


@pytest.mark.parametrize("payload", [{}, {"x": 1}, {"event_type": "alert", "flow_id": 1}, {"a": {"b": [None, "-"]}}])
def test_auto_never_rejects_a_readable_object(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "generic"
    assert alert.is_unmapped
    assert alert.title
    assert alert.detected_at == NOW


def test_a_clock_that_runs_ahead_is_clamped_and_named():
    (alert,) = read({**OWN, "detected_at": "2027-01-01T00:00:00Z"}, "nightdesk", NOW)

    assert alert.detected_at == NOW
    assert alert.problems[0].field == "detected_at"


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "template": "{{7*7}}${{ case.id }}",
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "right to left": "a\u202egnp.exe",
    "long": "x" * 100_000,
}


def _poisoned(value, text):
    if isinstance(value, dict):
        return {key: _poisoned(child, text) for key, child in value.items()}
    if isinstance(value, list):
        return [_poisoned(child, text) for child in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("slug", ["suricata", "windows-events"])
def test_hostile_text_in_every_field_that_may_hold_it_never_rejects(slug, text):
    if slug == "suricata":
        fixed = {"timestamp": EVE["timestamp"], "event_type": "alert"}
        payload = {**_poisoned(EVE, text), **fixed}
    else:
        payload = _windows(1, "Microsoft-Windows-Sysmon", _poisoned({"Image": "", "CommandLine": "", "User": ""}, text))
        payload = payload["nested"]
    for chosen in (slug, "auto"):
        (message,) = split(json.dumps(payload).encode(), max_alerts=10, max_bytes=10**7, max_alert_bytes=10**7).messages
        (alert,) = read(message, chosen, NOW)
        everything = repr(alert)
        assert "\\x00" not in everything
        assert "\\ud800" not in everything
        assert 0 < len(alert.title) <= 300
