"""MISP events: wrappers, values of two parts, flags as texts, marks of event and attribute."""

import json
from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split
from tests import hostile

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def _attribute(kind, value, **more):
    return {"type": kind, "value": value, "to_ids": False, "deleted": False, "comment": "", **more}


EVENT = {
    "id": "9",
    "uuid": "0b9f0000-0000-4000-8000-000000000001",
    "info": "A campaign",
    "date": "2026-10-31",
    "timestamp": "1793527200",
    "publish_timestamp": "0",
    "threat_level_id": "1",
    "analysis": "2",
    "Orgc": {"uuid": "0b9f0000-0000-4000-8000-000000000002", "name": "A CERT"},
    "Tag": [
        {"name": "tlp:green"},
        {"name": "PAP:RED"},
        {"name": 'misp-galaxy:mitre-attack-pattern="Phishing - T1566"'},
    ],
    "Galaxy": [
        {
            "type": "mitre-attack-pattern",
            "GalaxyCluster": [
                {"type": "mitre-attack-pattern", "value": "DNS - T1071.004", "meta": {"external_id": ["T1071.004"]}},
                {"type": "threat-actor", "value": "T9999 group"},
            ],
        }
    ],
    "Attribute": [
        _attribute("ip-dst|port", "203.0.113.9|443", to_ids="1", comment="command server"),
        _attribute("domain|ip", "Evil[.]example|203.0.113.9", Tag=[{"name": "tlp:amber+strict"}]),
        _attribute("url", "hxxp://evil.example/x", to_ids=True),
        _attribute("regkey|value", "HKEY_LOCAL_MACHINE\\Software\\Run|x.exe"),
        _attribute("email-src", "Mallory@evil.example"),
        _attribute("AS", "AS64500"),
        _attribute("vulnerability", "cve-2026-12345"),
        _attribute("text", "10.9.9.9"),
        _attribute("link", "https://blog.example/report"),
        _attribute("md5", "aa" * 16, deleted="1", to_ids=True),
        _attribute("domain", "kept.example", ShadowAttribute=[_attribute("domain", "proposed.example")]),
    ],
    "Object": [
        {
            "name": "file",
            "deleted": False,
            "Attribute": [
                _attribute("malware-sample", "run.exe|" + "B1" * 16, to_ids=True, data="UEsDBA=="),
                _attribute("filename", "C:\\Temp\\run.exe"),
                _attribute("filename|sha256", "run.exe|" + "c2" * 32),
                _attribute("port", "4444", object_relation="dst-port"),
            ],
        },
        {"name": "file", "deleted": True, "Attribute": [_attribute("md5", "dd" * 16)]},
    ],
    "RelatedEvent": [{"Event": {"info": "Another", "uuid": "0b9f0000-0000-4000-8000-000000000003"}}],
}


@pytest.mark.parametrize(
    "wrapped",
    [EVENT, {"Event": EVENT}, {"response": [{"Event": EVENT}]}, {"response": [EVENT]}],
    ids=["bare", "event", "response of events", "response of bare ones"],
)
def test_an_event_reads_the_same_in_each_wrapper(wrapped):
    ((detector, alert),) = read_with(wrapped, "auto", NOW)

    assert detector.slug == "misp"
    assert (alert.title, alert.source_ref) == ("A campaign", EVENT["uuid"])
    assert (alert.rule_id, alert.rule_name) == (EVENT["Orgc"]["uuid"], "A CERT")
    assert (alert.severity, alert.severity_raw, alert.status) == (3, "1", "completed")
    assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (alert.devices, alert.people, alert.flow) == ((), (), None)


def test_a_list_of_events_is_a_message_each():
    body = json.dumps([{"Event": EVENT}, {"Event": {**EVENT, "uuid": "other"}}]).encode()
    messages = split(body, max_alerts=10, max_bytes=10**6).messages

    assert [read(message, "auto", NOW)[0].source_ref for message in messages] == [EVENT["uuid"], "other"]


def test_attributes_become_observables_by_type():
    (alert,) = read(EVENT, "misp", NOW)

    assert [(one.kind, one.value, one.role, one.is_indicator) for one in alert.observables] == [
        ("ip", "203.0.113.9", "destination", True),
        ("url", "http://evil.example/x", "destination", True),
        ("file_name", "run.exe", "file", True),
        ("hash_md5", "b1" * 16, "file", True),
        ("domain", "evil.example", "destination", False),
        ("registry_key", "HKLM\\Software\\Run", "registry", False),
        ("email", "mallory@evil.example", "mail", False),
        ("asn", "64500", "other", False),
        ("cve", "CVE-2026-12345", "other", False),
        ("domain", "kept.example", "destination", False),
        ("file_path", "C:\\Temp\\run.exe", "file", False),
        ("hash_sha256", "c2" * 32, "file", False),
        ("port", "4444", "destination", False),
    ]
    assert [one.note for one in alert.observables if one.note] == ["command server", "x.exe"]


def test_the_strictest_mark_of_event_and_attributes_holds():
    (alert,) = read(EVENT, "misp", NOW)
    (unmarked,) = read({**EVENT, "Tag": [], "Attribute": []}, "misp", NOW)

    assert (alert.tlp, alert.pap) == (3, 3)
    assert (unmarked.tlp, unmarked.pap) == (2, 2)


def test_techniques_come_from_galaxies_and_their_tags():
    (alert,) = read(EVENT, "misp", NOW)

    assert alert.attack == (("T1071.004", ""), ("T1566", ""))


@pytest.mark.parametrize(
    ("level", "ours", "is_assumed"), [("2", 2, False), ("3", 1, False), (4, 2, True), (None, 2, True)]
)
def test_the_scale_is_turned_round_and_four_means_undefined(level, ours, is_assumed):
    (alert,) = read({**EVENT, "threat_level_id": level}, "auto", NOW)

    assert (alert.severity, alert.is_severity_assumed) == (ours, is_assumed)


def test_the_day_is_enough_of_a_time():
    (alert,) = read({**EVENT, "timestamp": "0"}, "misp", NOW)

    assert alert.detected_at == datetime(2026, 10, 31, tzinfo=UTC)


def test_more_attributes_than_an_alert_keeps_are_named():
    many = [_attribute("ip-dst", f"203.0.{number // 250}.{number % 250 + 1}") for number in range(600)]
    (alert,) = read({**EVENT, "Attribute": many, "Object": []}, "misp", NOW)

    assert len(alert.observables) == 500
    assert [problem.field for problem in alert.problems] == ["Attribute"]


@pytest.mark.parametrize(("change", "field"), [({"info": ""}, "info"), ({"timestamp": "x", "date": None}, "timestamp")])
def test_what_lacks_a_title_or_a_time_is_rejected_by_name(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**EVENT, **change}, "misp", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_in_every_field_never_rejects():
    payload = {**hostile.everywhere(EVENT), "timestamp": EVENT["timestamp"]}
    (message,) = split(json.dumps(payload).encode(), max_alerts=10, max_bytes=10**8, max_alert_bytes=10**8).messages
    ((detector, alert),) = read_with(message, "auto", NOW)

    assert detector.slug == "misp"
    assert 0 < len(alert.title) <= 300
    assert "\\x00" not in repr(alert)
