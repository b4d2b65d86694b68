"""Zeek rows of our own making: JSON in both spellings of keys, and TSV."""

from datetime import UTC, datetime
from io import BytesIO

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import stream
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
SHA1 = "1f" * 20
ENDS = {"id.orig_h": "10.1.2.3", "id.orig_p": 40000, "id.resp_h": "198.51.100.9", "id.resp_p": 443}
NOTICE = {
    "ts": 1793527200.25,
    "uid": "C1",
    **ENDS,
    "fuid": "F1",
    "file_desc": "http://evil.example/a",
    "proto": "tcp",
    "note": "SSL::Invalid_Server_Cert",
    "msg": "The certificate is not valid",
    "sub": "emailAddress=ops@evil.example,CN=www.evil.example,O=Evil",
    "src": "10.1.2.3",
    "dst": "198.51.100.9",
    "p": 443,
    "peer_descr": "sensor-1",
    "actions": ["Notice::ACTION_LOG"],
    "dropped": False,
}
WEIRD = {"ts": 1793527200.25, "uid": "C1", **ENDS, "name": "bad_checksum", "notice": False, "peer": "sensor-1"}


def _tsv(path, fields, types, *rows):
    head = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", f"#path\t{path}"]
    lines = [*head, "\t".join(["#fields", *fields]), "\t".join(["#types", *types]), *("\t".join(row) for row in rows)]
    return list(stream(BytesIO("\n".join([*lines, "#close\t2026", ""]).encode())))


def _flat(payload):
    return {"@stream": "notice", "@system": "box", **{key.replace(".", "_"): value for key, value in payload.items()}}


def _nested(payload):
    ends = {key.removeprefix("id."): value for key, value in payload.items() if key.startswith("id.")}
    return {**{key: value for key, value in payload.items() if not key.startswith("id.")}, "id": ends}


@pytest.mark.parametrize("payload", [NOTICE, _flat(NOTICE), _nested(NOTICE)])
def test_a_notice_reads_the_same_with_dots_flattened_and_nested(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "zeek"
    assert (alert.title, alert.rule_id) == ("The certificate is not valid", "SSL::Invalid_Server_Cert")
    assert alert.source_ref == "C1/SSL::Invalid_Server_Cert/F1"
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 250000, tzinfo=UTC)
    assert (alert.severity, alert.is_severity_assumed, alert.action) == (0, True, "detected")
    assert (alert.flow.src_ip, alert.flow.src_port) == ("10.1.2.3", 40000)
    assert (alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == ("198.51.100.9", 443, "tcp")
    assert [(one.address, one.name) for one in alert.devices] == [("10.1.2.3", "")]
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "198.51.100.9"),
        ("url", "http://evil.example/a"),
        ("email", "ops@evil.example"),
        ("domain", "www.evil.example"),
    ]
    assert alert.people == ()


def test_a_notice_in_tsv_leaves_out_what_is_unset_and_splits_sets():
    (message,) = _tsv(
        "notice",
        ["ts", "uid", "id.orig_h", "note", "msg", "sub", "src", "actions", "dropped"],
        ["time", "string", "addr", "enum", "string", "string", "addr", "set[enum]", "bool"],
        ["1793527200.250000", "-", "-", "Scan::Port_Scan", "Scanned", "(empty)", "10.1.2.3", "A::LOG,A::DROP", "T"],
    )
    ((detector, alert),) = read_with(message, "auto", NOW)

    assert detector.slug == "zeek"
    assert (alert.title, alert.description, alert.action) == ("Scanned", "", "blocked")
    assert (alert.flow.src_ip, alert.flow.dst_ip) == ("10.1.2.3", "")
    assert alert.tags == ("notice", "A::LOG", "A::DROP")


def test_a_notice_without_a_connection_is_told_by_what_it_says():
    notice = {"ts": 1793527200.25, "note": "Scan::Port_Scan", "msg": "Scanned", "src": "10.1.2.3", "peer_descr": "s"}
    references = {
        read({**notice, **change}, "zeek", NOW)[0].source_ref
        for change in ({}, {"suppress_for": 60.0}, {"ts": 1793527201.25}, {"src": "10.1.2.4"})
    }

    assert len(references) == 3
    assert all(len(one) == 64 for one in references)


@pytest.mark.parametrize("change", [{}, {"uid": None, **dict.fromkeys(ENDS)}, {"_path": "weird"}])
def test_a_weird_is_an_alert_with_or_without_a_connection(change):
    payload = {key: value for key, value in {**WEIRD, **change}.items() if value is not None}
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "zeek"
    assert (alert.title, alert.rule_id) == ("Odd traffic: bad_checksum", "bad_checksum")
    assert (alert.source_ref == "C1/bad_checksum") == ("uid" in payload)
    assert (alert.flow is None) == ("uid" not in payload)


def test_a_hit_of_the_intelligence_framework_is_an_alert():
    seen = {"seen.indicator": "evil.example", "seen.indicator_type": "Intel::DOMAIN", "seen.where": "DNS::IN_REQUEST"}
    ((detector, alert),) = read_with(
        {"ts": 1793527200.25, "uid": "C1", **ENDS, **seen, "sources": ["feed-1"]}, "auto", NOW
    )

    assert detector.slug == "zeek"
    assert (alert.title, alert.rule_id) == ("Known indicator seen: evil.example", "Intel::DOMAIN")
    assert alert.tags == ("intel", "feed-1")
    assert [one.value for one in alert.observables if one.is_indicator] == ["evil.example"]


def test_a_link_that_asks_for_a_hash_stands_for_the_file():
    payload = {**NOTICE, "sub": f"https://lookup.example/search/?query={SHA1}", "file_desc": ""}
    (alert,) = read(payload, "zeek", NOW)

    assert [(one.kind, one.value) for one in alert.observables][2:] == [("hash_sha1", SHA1)]


@pytest.mark.parametrize(
    "row",
    [
        {"ts": 1793527200.25, "uid": "C1", **ENDS, "conn_state": "SF"},
        {"ts": 1793527200.25, "uid": "C1", **ENDS, "query": "evil.example"},
        {"ts": 1793527200.25, "fuid": "F1", "md5": "1f" * 16},
        {"ts": 1793527200.25, "_path": "dhcp", "uids": ["C1"]},
    ],
)
def test_telemetry_is_no_alert(row):
    with pytest.raises(IgnoredError):
        read(row, "auto", NOW)


def test_a_time_and_an_id_alone_are_not_zeek():
    ((detector, _),) = read_with({"ts": 1793527200, "uid": "1", "message": "Something"}, "auto", NOW)

    assert detector.slug == "generic"


def test_telemetry_in_tsv_is_no_alert():
    (message,) = _tsv("conn", ["ts", "uid", "proto"], ["time", "string", "enum"], ["1793527200.250000", "C1", "tcp"])
    with pytest.raises(IgnoredError, match="conn"):
        read(message, "auto", NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"ts": 12.5}, "ts"), ({"ts": None}, "ts"), ({"_path": "notice", "msg": "-", "note": ""}, "msg")],
)
def test_what_is_required_is_named_and_a_time_of_a_replay_is_none(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**NOTICE, **change}, "zeek", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


@pytest.mark.parametrize("payload", [NOTICE, WEIRD])
def test_hostile_text_does_not_raise(payload):
    (alert,) = read(everywhere(payload), "zeek", NOW)

    assert 0 < len(alert.title) <= 300
    assert alert.flow is None
