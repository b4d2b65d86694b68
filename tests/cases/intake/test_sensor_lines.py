"""Lines without keys: alerts of Snort in three forms, threat logs of PAN-OS, and lines that only look like them."""

from datetime import UTC, datetime
from io import BytesIO

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from cases.intake.sensor_lines import read_sensor_line
from cases.intake.split import stream
from tests import hostile

NOW = datetime(2026, 11, 2, tzinfo=UTC)
CSV = (
    '11/01/26-10:00:00.123456 ,1,2000,3,"Bad, very bad",TCP,203.0.113.9,4444,10.1.2.3,445,02:00:00:00:00:01,'
    "02:00:00:00:00:02,0x4E"
)
FAST = "[1:2000:3] Bad [thing] seen [**] [Classification: A Try] [Priority: 1] {TCP} 203.0.113.9:4444 -> 10.1.2.3:445"
THREAT = (
    "<14>Nov  1 10:00:05 fw-1 1,2026/11/01 10:00:04,007001,THREAT,{kind},2305,2026/11/01 10:00:00,203.0.113.9,10.1.2.3,"
    "0.0.0.0,0.0.0.0,allow-all,,corp\\ada,web-browsing,vsys1,out,in,ae1,ae2,fwd,,77,2,4444,443,0,0,0x0,tcp,{action},"
    '"{misc}",{threat},{category},high,server-to-client,{number},0x0,US,DE,,,0,{digest},,1,"Agent, 1",,,,'
    "evil@evil.example,,ada@corp.example,0,1,2,3,4,,fw-1"
)
VIRUS = {
    "kind": "virus",
    "action": "reset-both",
    "misc": "run.exe",
    "threat": "Worm.Odd(5001)",
    "category": "any",
    "number": "42",
    "digest": "a1" * 32,
}


def _one(line, choice="auto"):
    (message,) = stream(BytesIO(line.encode()))
    ((detector, alert),) = read_with(message, choice, NOW)
    return detector.slug, alert


def test_a_row_of_snort_without_a_header_is_read_by_its_places():
    slug, alert = _one(CSV)

    assert slug == "snort"
    assert (alert.title, alert.rule_id, alert.rule_version) == ("Bad, very bad", "1:2000", "3")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert (alert.severity, alert.is_severity_assumed) == (2, True)
    assert (alert.flow.src_port, alert.flow.dst_port, alert.flow.proto) == (4444, 445, "tcp")
    assert [one.address for one in alert.devices] == ["10.1.2.3"]
    assert [(one.kind, one.role) for one in alert.observables] == [
        ("ip", "source"),
        ("ip", "destination"),
        ("mac", "source"),
        ("mac", "destination"),
    ]


@pytest.mark.parametrize(
    ("begin", "moment"),
    [
        ("11/01-10:00:00.5  [**] ", datetime(2026, 11, 1, 10, 0, 0, 500000, tzinfo=UTC)),
        ("11/01/2026-10:00:00.5  [Drop] [**] ", datetime(2026, 11, 1, 10, 0, 0, 500000, tzinfo=UTC)),
        ("12/24-10:00:00.5  [**] ", datetime(2025, 12, 24, 10, 0, 0, 500000, tzinfo=UTC)),
        ("<33>Nov  1 10:00:00 sensor snort[7]: ", datetime(2026, 11, 1, 10, tzinfo=UTC)),
    ],
)
def test_fast_alerts_of_a_file_and_of_syslog(begin, moment):
    slug, alert = _one(begin + FAST)

    assert (slug, alert.title, alert.detected_at) == ("snort", "Bad [thing] seen", moment)
    assert (alert.severity, alert.description, alert.rule_id) == (3, "A Try", "1:2000")
    assert (alert.flow.src_ip, alert.flow.src_port, alert.flow.dst_ip) == ("203.0.113.9", 4444, "10.1.2.3")


def test_snort_3_writes_json_with_address_and_port_in_one():
    payload = {
        "timestamp": "11/01-10:00:00.123456",
        "pkt_num": 7,
        "proto": "UDP",
        "src_ap": "10.1.2.3:53",
        "dst_ap": "2001:db8::9:53",
        "rule": "1:2000:3",
        "action": "block",
        "msg": "Bad",
        "priority": 4,
    }
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert (detector.slug, alert.rule_id, alert.rule_version) == ("snort", "1:2000", "3")
    assert (alert.severity, alert.action) == (0, "blocked")
    assert (alert.flow.src_port, alert.flow.dst_ip, alert.flow.dst_port) == (53, "2001:db8::9", 53)


def test_the_same_alert_again_has_the_same_reference():
    assert _one(CSV)[1].source_ref == _one(CSV.replace("0x4E", "0x5E"))[1].source_ref
    assert _one(CSV)[1].source_ref != _one(CSV.replace("10:00:00", "10:00:01"))[1].source_ref


def test_a_threat_log_is_about_the_inner_end_and_not_the_firewall():
    slug, alert = _one(THREAT.format(**VIRUS))

    assert slug == "paloalto"
    assert (alert.title, alert.rule_id, alert.severity, alert.severity_raw) == ("Worm.Odd", "virus/5001", 3, "high")
    assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (alert.source_ref, alert.count, alert.action) == ("007001/THREAT/42", 2, "blocked")
    assert (alert.flow.src_ip, alert.flow.dst_port, alert.flow.direction) == ("203.0.113.9", 443, "server-to-client")
    assert [(one.address, one.name) for one in alert.devices] == [("10.1.2.3", "")]
    assert [(one.domain, one.login, one.role) for one in alert.people] == [("corp", "ada", "target")]
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "203.0.113.9"),
        ("ip", "10.1.2.3"),
        ("file_name", "run.exe"),
        ("hash_sha256", "a1" * 32),
        ("user_agent", "Agent, 1"),
        ("email", "evil@evil.example"),
        ("email", "ada@corp.example"),
        ("user", "corp\\ada"),
    ]


def test_the_url_filter_names_no_threat_but_a_category():
    filtered = {
        **VIRUS,
        "kind": "url",
        "misc": "evil.example/x",
        "threat": "(9999)",
        "category": "malware",
        "action": "alert",
    }
    _, alert = _one(THREAT.format(**filtered))

    assert (alert.title, alert.rule_id, alert.action) == ("PAN-OS url: malware", "url/malware", "detected")
    assert ("url", "https://evil.example/x") in [(one.kind, one.value) for one in alert.observables]


def test_without_a_number_the_values_name_a_threat():
    first, second = (_one(THREAT.format(**{**VIRUS, "number": "0", "misc": name}))[1] for name in ("a.exe", "b.exe"))

    assert first.source_ref != second.source_ref


def test_traffic_is_no_alert():
    with pytest.raises(IgnoredError):
        _one(THREAT.format(**VIRUS).replace("THREAT", "TRAFFIC"))


@pytest.mark.parametrize(
    "line",
    [
        "11/01/26-10:00:00.1 started",
        "11/01/26-10:00:00.1,one,two,three,x,TCP,1.1.1.1,1,2.2.2.2,2,a,b",
        "1,2026/11/01 10:00:00,7,SYSTEM,general",
        "[1:2:3] nothing more",
        "x" * 70_000,
    ],
)
def test_lines_that_only_look_like_alerts_stay_lines(line):
    assert read_sensor_line(line) == {}


@pytest.mark.parametrize(
    ("payload", "slug", "field"),
    [
        ({"format": "snort", "sid": "", "timestamp": "x"}, "snort", "timestamp"),
        ({"format": "snort", "sid": "", "msg": "", "timestamp": "11/01-10:00:00"}, "snort", "msg"),
        ({"format": "panos", "serial": "1", "threatid": "Odd(1)"}, "paloalto", "time_generated"),
        ({"format": "panos", "serial": "1", "time_generated": "2026/11/01 10:00:00"}, "paloalto", "threatid"),
    ],
)
def test_what_lacks_a_title_or_a_time_is_rejected_by_name(payload, slug, field):
    payload = {"msg": "Bad", **payload} if field == "timestamp" else payload
    with pytest.raises(RejectedError) as caught:
        read(payload, slug, NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


@pytest.mark.parametrize(
    "line", [CSV.replace("Bad, very bad", hostile.TEXT[:9000]), THREAT.format(**{**VIRUS, "misc": "{}"})]
)
def test_hostile_text_in_a_line_never_raises(line):
    line = line.replace("{}", hostile.TEXT[:9000]).encode("utf-8", errors="replace").decode()
    _, alert = _one(line)

    assert 0 < len(alert.title) <= 300
    assert "\\x00" not in repr(alert)
