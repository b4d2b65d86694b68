"""STIX bundles: what they are about, which values of a pattern count, marks, and observed data of both versions."""

import json
from datetime import UTC, datetime

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import split
from cases.intake.stix_observables import comparisons
from tests import hostile

NOW = datetime(2026, 11, 2, tzinfo=UTC)
TIME = "2026-11-01T10:00:00.000Z"


def _thing(kind, number=1, **more):
    name = f"{kind}--00000000-0000-4000-8000-{number:012}"
    return {"type": kind, "spec_version": "2.1", "id": name, "created": TIME, "modified": TIME, **more}


INDICATOR = _thing(
    "indicator",
    name="A command server",
    description="Seen before",
    pattern_type="stix",
    pattern="[ipv4-addr:value = '203.0.113.9'] FOLLOWEDBY [url:value = 'http://evil.example/x']",
    indicator_types=["malicious-activity"],
    confidence=80,
    object_marking_refs=["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
    kill_chain_phases=[{"kill_chain_name": "mitre-attack", "phase_name": "command-and-control"}],
    external_references=[
        {"source_name": "x", "url": "javascript:1"},
        {"source_name": "y", "url": "https://cti.example/1"},
    ],
)
OBSERVED = [
    {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "10.1.2.3"},
    {"type": "ipv4-addr", "id": "ipv4-addr--2", "value": "203.0.113.9"},
    {
        "type": "network-traffic",
        "id": "network-traffic--1",
        "src_ref": "ipv4-addr--1",
        "dst_ref": "ipv4-addr--2",
        "src_port": 50000,
        "dst_port": 443,
        "protocols": ["ipv4", "tcp", "tls"],
    },
    {"type": "file", "id": "file--1", "name": "run.exe", "hashes": {"MD5": "A1" * 16, "SHA-256": "b2" * 32}},
    {"type": "user-account", "id": "user-account--1", "account_login": "Ada"},
    {"type": "windows-registry-key", "id": "windows-registry-key--1", "key": "HKEY_LOCAL_MACHINE\\Software\\Run"},
]


def _bundle(*things):
    return {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": list(things)}


def _values(alert):
    return [(one.kind, one.value, one.role) for one in alert.observables]


def test_an_indicator_alone_is_rule_and_subject():
    ((detector, alert),) = read_with(_bundle(INDICATOR), "auto", NOW)

    assert detector.slug == "stix21"
    assert (alert.title, alert.rule_id, alert.source_ref) == ("A command server", INDICATOR["id"], INDICATOR["id"])
    assert alert.description == f"Seen before\n\n{INDICATOR['pattern']}"
    assert (alert.severity, alert.is_severity_assumed, alert.confidence) == (2, True, 80)
    assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (alert.tlp, alert.url, alert.attack) == (1, "https://cti.example/1", (("", "TA0011"),))
    assert _values(alert) == [("ip", "203.0.113.9", "other"), ("url", "http://evil.example/x", "other")]
    assert all(one.is_indicator and one.note == INDICATOR["pattern"] for one in alert.observables)


def test_a_sighting_is_about_its_indicator_and_carries_what_was_observed():
    sighting = _thing(
        "sighting", sighting_of_ref=INDICATOR["id"], count=4, first_seen="2026-10-30T10:00:00Z", last_seen=TIME
    )
    other = {**INDICATOR, "id": "indicator--other", "name": "Another", "pattern": "[domain-name:value = 'b.example']"}
    (alert,) = read(_bundle(other, INDICATOR, sighting, *OBSERVED), "auto", NOW)

    assert (alert.title, alert.rule_id, alert.source_ref) == ("A command server", INDICATOR["id"], sighting["id"])
    assert (alert.count, alert.first_seen_at) == (4, datetime(2026, 10, 30, 10, tzinfo=UTC))
    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == (
        *("10.1.2.3", "203.0.113.9", 443),
        "tcp",
    )
    assert [one.address for one in alert.devices] == ["10.1.2.3"]
    assert [one.login for one in alert.people] == ["ada"]
    assert set(_values(alert)) == {
        ("domain", "b.example", "other"),
        ("ip", "203.0.113.9", "other"),
        ("url", "http://evil.example/x", "other"),
        ("ip", "10.1.2.3", "source"),
        ("port", "50000", "source"),
        ("port", "443", "destination"),
        ("file_name", "run.exe", "file"),
        ("hash_md5", "a1" * 16, "file"),
        ("hash_sha256", "b2" * 32, "file"),
        ("user", "ada", "account"),
        ("registry_key", "HKLM\\Software\\Run", "registry"),
    }


def test_observed_data_of_the_older_version_holds_its_objects_inside():
    inside = {
        "0": {"type": "ipv4-addr", "value": "10.1.2.3"},
        "1": {"type": "domain-name", "value": "evil.example"},
        "2": {"type": "network-traffic", "src_ref": "0", "dst_ref": "1", "dst_port": 53, "protocols": ["udp"]},
    }
    observed = _thing("observed-data", number_observed=2, last_observed=TIME, objects=inside)
    (alert,) = read(_bundle(observed), "auto", NOW)

    assert (alert.title, alert.count) == ("STIX observed data", 2)
    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.2.3", "", 53)
    assert ("domain", "evil.example", "other") in _values(alert)


def test_a_report_is_about_the_whole_and_names_a_rule_only_where_it_speaks_of_one():
    report = _thing("report", name="Their tools", report_types=["malware"], labels=["crime"])
    told = {**report, "object_refs": [INDICATOR["id"]]}
    (silent,), (speaking,) = (read(_bundle(INDICATOR, one), "auto", NOW) for one in (report, told))

    assert (silent.title, silent.rule_id, silent.tags) == ("Their tools", "", ("crime", "malware"))
    assert speaking.rule_name == "A command server"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[a-type:value = 'x' OR a-type:value='y']", [("a-type", "value", "x"), ("a-type", "value", "y")]),
        ("[file:hashes.'SHA-256' = 'ab']", [("file", "hashes.SHA-256", "ab")]),
        ("[url:value = 'it\\'s \\\\ one']", [("url", "value", "it's \\ one")]),
        (
            "[ipv4-addr:value IN ('1.1.1.1', '2.2.2.2')]",
            [("ipv4-addr", "value", text) for text in ("1.1.1.1", "2.2.2.2")],
        ),
        ("[network-traffic:dst_port = 443]", [("network-traffic", "dst_port", "443")]),
        ("[url:value != 'x' AND url:value NOT = 'y' AND url:value LIKE 'z%' AND url:value MATCHES 'q']", []),
        ("[file:size >= 5 AND file:size <= 9]", []),
        ("[file:name = 'a url:value = b']", [("file", "name", "a url:value = b")]),
        ("[" + "url:" * 5000, []),
        ("[url:value = '" + "\\" * 19_000, []),
    ],
)
def test_only_what_must_be_equal_is_a_value(pattern, found):
    assert list(comparisons(pattern)) == found


def test_patterns_of_other_languages_are_kept_and_not_read():
    rule = {**INDICATOR, "pattern_type": "snort", "pattern": "alert tcp any (msg: url:value = 'http://a.example')"}
    (alert,) = read(_bundle(rule), "auto", NOW)

    assert alert.observables == ()
    assert rule["pattern"] in alert.description


@pytest.mark.parametrize("change", [{"revoked": True}, {"indicator_types": ["benign"]}])
def test_what_was_taken_back_or_is_benign_is_no_indicator(change):
    (alert,) = read(_bundle({**INDICATOR, **change}), "auto", NOW)

    assert not any(one.is_indicator for one in alert.observables)


@pytest.mark.parametrize(
    ("marks", "tlp"),
    [
        ([], 2),
        (["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"], 3),
        (["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"], 0),
        (["marking-definition--own", "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"], 4),
    ],
)
def test_the_strictest_mark_of_any_object_holds(marks, tlp):
    own = {
        "type": "marking-definition",
        "id": "marking-definition--own",
        "definition_type": "tlp",
        "definition": {"tlp": "red"},
    }
    things = [{**INDICATOR, "object_marking_refs": marks}, *([own] if "marking-definition--own" in marks else [])]
    (alert,) = read(_bundle(*things), "auto", NOW)

    assert alert.tlp == tlp


def test_techniques_come_from_attack_patterns():
    pattern = _thing(
        "attack-pattern",
        name="Phishing",
        external_references=[
            {"source_name": "capec", "external_id": "CAPEC-163"},
            {"source_name": "mitre-attack", "external_id": "T1566.001"},
        ],
    )
    (alert,) = read(_bundle(pattern, {**INDICATOR, "kill_chain_phases": []}), "auto", NOW)

    assert alert.attack == (("T1566.001", ""),)


def test_the_answer_of_a_taxii_server_has_no_type_of_its_own():
    ((detector, _),) = read_with({"more": False, "objects": [INDICATOR]}, "auto", NOW)
    ((other, _),) = read_with({"objects": [{"type": "x", "id": "9"}]}, "auto", NOW)

    assert (detector.slug, other.slug) == ("stix21", "generic")


@pytest.mark.parametrize(
    ("things", "field"),
    [
        ([], "objects"),
        ([{**INDICATOR, "modified": "soon", "created": None}], "modified"),
        ([{"type": "", "id": "x--1", "modified": TIME}], "objects.name"),
    ],
)
def test_what_lacks_objects_a_title_or_a_time_is_rejected_by_name(things, field):
    with pytest.raises(RejectedError) as caught:
        read(_bundle(*things), "stix21", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_in_every_field_never_rejects():
    things = [{**hostile.everywhere(one), "type": one["type"], "modified": TIME} for one in (INDICATOR, *OBSERVED)]
    payload = _bundle(*things)
    (message,) = split(json.dumps(payload).encode(), max_alerts=10, max_bytes=10**8, max_alert_bytes=10**8).messages
    ((detector, alert),) = read_with(message, "auto", NOW)

    assert detector.slug == "stix21"
    assert 0 < len(alert.title) <= 300
    assert "\\x00" not in repr(alert)
