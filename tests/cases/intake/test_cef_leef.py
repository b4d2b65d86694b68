"""Lines of CEF and LEEF: escapes, spaces in values, missing names and times, and who is the device."""

import time
from datetime import UTC, datetime
from io import BytesIO

import pytest

from cases.intake.base import RejectedError
from cases.intake.patterned_times import read_patterned
from cases.intake.read import read, read_with
from cases.intake.split import stream
from tests import hostile

NOW = datetime(2026, 11, 2, tzinfo=UTC)
CEF = (
    "<134>Nov  1 09:00:00 relay CEF: 0|Acme\\|Labs|Wall|2.1|IPS-7|Beacon seen|8|rt=1793527200000 externalId=77 "
    "dvchost=wall-1 dvc=10.0.0.1 src=10.1.2.3 spt=50123 shost=pc-1.corp.example dst=203.0.113.9 dpt=443 proto=TCP "
    "suser=CORP\\Ada duser=${Alert.user} act=Blocked by policy msg=three words here\\nand a\\=b "
    "request=evil.example/a?x\\=1 fname=C:\\new\\run.exe fileHash=MD5="
    + "A1"
    * 16
    + " cs1Label=C2 host cs1=c2.example "
    "cs2Label=link cs2=https:\\/\\/wall.example\\/a?id\\\\=77 smac=00:00:0c:07:ac:01 cnt=3"
)
LEEF = (
    "LEEF:2.0|Acme|Guard|1|900|x7C|devTime=02.11.2026 00:30:00 +0200|devTimeFormat=dd.MM.yyyy HH:mm:ss Z|sev=9"
    "|name=Odd file|src=203.0.113.9|dst=10.1.2.3|dstPort=445|usrName=CORP\\Ada|cat=Malware|act=Quarantined"
    "|filePath=C:\\\\Temp\\\\run.exe|url=http://evil.example/x|msg=one\\ntwo"
)


def _one(line, choice="auto"):
    (message,) = stream(BytesIO(line.encode()))
    ((detector, alert),) = read_with(message, choice, NOW)
    return detector.slug, alert


def test_a_line_of_cef_is_read_whole():
    slug, alert = _one(CEF)

    assert slug == "cef"
    assert (alert.title, alert.rule_id) == ("Beacon seen", "Acme|Labs/Wall/IPS-7")
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (3, "8", False)
    assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert alert.source_ref == "Acme|Labs/Wall/IPS-7/wall-1/77"
    assert (alert.description, alert.action, alert.count) == ("three words here\nand a=b", "blocked", 3)
    assert alert.url == "https://wall.example/a?id=77"
    assert (alert.flow.src_ip, alert.flow.src_port, alert.flow.dst_port) == ("10.1.2.3", 50123, 443)
    assert alert.problems == ()


def test_the_device_of_a_line_is_the_inner_end_and_not_the_reporter_or_the_router():
    _, alert = _one(CEF)

    (device,) = alert.devices
    assert (device.fqdn, device.address, device.mac) == ("pc-1.corp.example", "10.1.2.3", "")
    assert [(one.domain, one.login, one.role) for one in alert.people] == [("CORP", "ada", "actor")]


def test_a_line_of_cef_names_what_is_worth_looking_up_and_nothing_of_the_reporter():
    _, alert = _one(CEF)

    assert {(one.kind, one.value, one.role) for one in alert.observables} == {
        ("ip", "10.1.2.3", "source"),
        ("ip", "203.0.113.9", "destination"),
        ("url", "https://evil.example/a?x=1", "destination"),
        ("domain", "evil.example", "destination"),
        ("domain", "c2.example", "other"),
        ("file_path", "C:\\new\\run.exe", "file"),
        ("file_name", "run.exe", "file"),
        ("hash_md5", "a1" * 16, "file"),
        ("mac", "00:00:0c:07:ac:01", "source"),
        ("user", "corp\\ada", "account"),
    }


@pytest.mark.parametrize(
    ("severity", "ours", "is_assumed"),
    [("0", 1, False), ("4", 2, False), ("9", 4, False), ("Very-High", 4, False), ("Unknown", 2, True), ("", 2, True)],
)
def test_a_severity_is_a_number_or_a_word(severity, ours, is_assumed):
    _, alert = _one(f"CEF:0|A|B|1|2|Name|{severity}|src=10.0.0.1 rt=Nov 01 2026 10:00:00 UTC")

    assert (alert.severity, alert.is_severity_assumed) == (ours, is_assumed)


def test_a_line_without_a_name_is_called_by_its_signature_and_one_without_both_is_rejected():
    _, alert = _one("CEF:0|A|B|1|Too many requests||High|src=10.0.0.1")
    assert alert.title == "Too many requests"

    with pytest.raises(RejectedError) as caught:
        _one("CEF:0|A|B|1|||High|src=10.0.0.1", "cef")
    assert [problem.field for problem in caught.value.problems] == ["name"]


@pytest.mark.parametrize("line", ["CEF:0|A|B|1|2|Name|5|", "CEF:0|A|B|1|2|Name|5", "CEF:0|A|B|1|2|Name|5|no keys"])
def test_a_line_of_a_header_alone_is_a_line(line):
    slug, alert = _one(line)

    assert (slug, alert.title, alert.severity) == ("cef", "Name", 2)


def test_a_number_that_is_the_kind_of_an_event_is_no_reference():
    line = "CEF:0|Microsoft|Windows||Security:4625|Failed|5|externalId=4625 rt={}"
    _, first = _one(line.format("1793527200000"))
    _, second = _one(line.format("1793527260000"))
    _, again = _one("<13>Nov  1 23:00:00 relay " + line.format("1793527260000"))

    assert first.source_ref != second.source_ref
    assert second.source_ref == again.source_ref


def test_keys_in_full_are_the_short_ones():
    line = "deviceReceiptTime=Nov 01 2026 10:00:00.250 UTC sourceAddress=10.1.2.3 destinationAddress=203.0.113.9 "
    _, alert = _one(
        f"CEF:0|A|B|1|2|Name|5|{line}destinationPort=443 sourceUserName=Ada deviceAction=Denied src=10.1.2.4"
    )

    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 250000, tzinfo=UTC)
    assert (alert.flow.src_ip, alert.flow.dst_ip, alert.flow.dst_port) == ("10.1.2.4", "203.0.113.9", 443)
    assert ([one.login for one in alert.people], alert.action) == (["ada"], "blocked")


def test_a_line_without_a_time_takes_the_header_of_syslog_and_then_the_time_of_receipt():
    _, headed = _one("Oct 31 08:00:00 relay CEF:0|A|B|1|2|Name|5|src=10.0.0.1")
    _, bare = _one("CEF:0|A|B|1|2|Name|5|src=10.0.0.1 rt=soon")

    assert headed.detected_at == datetime(2026, 10, 31, 8, tzinfo=UTC)
    assert bare.detected_at == NOW
    assert bare.problems[0].field == "rt"


def test_the_agent_of_an_endpoint_product_reports_about_its_own_host():
    _, alert = _one("CEF:0|A|Agent|1|2|File changed|5|dvchost=srv-1.corp.example dvc=10.0.0.7")

    assert [(one.fqdn, one.address) for one in alert.devices] == [("srv-1.corp.example", "10.0.0.7")]


def test_a_line_that_a_forwarder_put_into_an_object_is_read_as_the_line():
    wrapped = {"@timestamp": "2026-11-01T11:00:00Z", "host": "relay", "message": "CEF:0|A|B|1|2|Name|5|src=10.0.0.1"}
    ((detector, alert),) = read_with(wrapped, "auto", NOW)

    assert (detector.slug, alert.title) == ("cef", "Name")
    assert alert.detected_at == datetime(2026, 11, 1, 11, tzinfo=UTC)


def test_the_keys_that_a_sender_chose_make_no_other_format_of_a_line():
    slug, _ = _one("CEF:0|A|B|1|2|Name|5|event_type=alert flow_id=7 src_ip=10.0.0.1 kibana.alert.uuid=1")

    assert slug == "cef"


@pytest.mark.parametrize("slug", ["cef", "leef"])
def test_what_is_no_line_is_rejected_by_name(slug):
    with pytest.raises(RejectedError) as caught:
        read({"message": "hello"}, slug, NOW)
    assert [problem.field for problem in caught.value.problems] == ["message"]


def test_a_line_of_leef_with_its_own_delimiter_and_its_own_form_of_time():
    slug, alert = _one(LEEF)

    assert slug == "leef"
    assert (alert.title, alert.severity, alert.action) == ("Odd file", 4, "quarantined")
    assert alert.detected_at == datetime(2026, 11, 1, 22, 30, tzinfo=UTC)
    assert (alert.rule_id, alert.description) == ("Acme/Guard/900", "one\ntwo")
    assert [one.address for one in alert.devices] == ["10.1.2.3"]
    assert [(one.domain, one.login) for one in alert.people] == [("CORP", "ada")]
    assert {(one.kind, one.value) for one in alert.observables} == {
        ("ip", "203.0.113.9"),
        ("ip", "10.1.2.3"),
        ("url", "http://evil.example/x"),
        ("domain", "evil.example"),
        ("file_path", "C:\\Temp\\run.exe"),
        ("user", "corp\\ada"),
    }


def test_tabs_that_a_relay_turned_into_spaces_or_octal_still_part_the_attributes():
    line = "LEEF:2.0|Acme|Guard|1|900|cat=File\tname=a b=c\tsev=8 cn1=37 dvchost=pc-1\tAcmeFileMD5={}#011 usrName=ada"
    _, alert = _one(line.format("b2" * 16))

    assert (alert.title, alert.severity, alert.devices[0].name) == ("a b=c", 3, "pc-1")
    assert [(one.kind, one.value) for one in alert.observables] == [("user", "ada"), ("hash_md5", "b2" * 16)]


@pytest.mark.parametrize("value", [" " * 1_000_000, "aA" * 500_000, "aA=b " * 200_000], ids=["blanks", "word", "keys"])
def test_a_long_line_of_leef_is_read_in_a_moment(value):
    begin = time.monotonic()
    _one(f"LEEF:1.0|A|B|1|2|x=y {value}z")

    assert time.monotonic() - begin < 5


def test_a_line_of_leef_without_a_name_is_called_by_product_and_number():
    _, alert = _one("LEEF:1.0|Acme|Guard|1|900|cat=Login\tsrc=10.0.0.1")
    _, worded = _one("LEEF:1.0|Acme|Guard|1|Login_Denied|src=10.0.0.1")

    assert (alert.title, alert.severity, alert.is_severity_assumed) == ("Guard Login event 900", 2, True)
    assert worded.title == "Login_Denied"


def test_the_same_line_without_a_time_is_a_new_alert_only_on_another_day():
    line = {"message": "LEEF:1.0|Acme|Guard|1|900|cat=Login\tsrc=10.0.0.1"}
    first, later, tomorrow = (
        read(line, "leef", NOW.replace(day=day, hour=hour)) for day, hour in [(2, 1), (2, 9), (3, 1)]
    )

    assert first[0].source_ref == later[0].source_ref
    assert first[0].source_ref != tomorrow[0].source_ref


@pytest.mark.parametrize(
    ("text", "pattern", "iso"),
    [
        ("2026-11-01T10:00:00.123", "yyyy-MM-dd'T'HH:mm:ss.SSS", "2026-11-01T10:00:00.123000"),
        ("Nov 01 2026 10:00:00 UTC", "MMM dd yyyy HH:mm:ss z", "2026-11-01T10:00:00+00:00"),
        ("01/11/26 10:00 PM", "dd/MM/yy hh:mm a", "2026-11-01T22:00:00"),
        ("2026", "yyyy yyyy", ""),
        ("100%", "'100%'", "1900-01-01T00:00:00"),
        ("soon", "%Y(", ""),
        ("x" * 65, "x" * 65, ""),
    ],
)
def test_patterns_of_java(text, pattern, iso):
    assert read_patterned(text, pattern) == iso


@pytest.mark.parametrize("begin", ["CEF:0|A|B|1|2|n|5|", "LEEF:2.0|A|B|1|2|", "LEEF:2.0|A|B|1|2|^|"])
@pytest.mark.parametrize(
    "key", ["rt", "devTimeFormat=%Y(\tdevTime", "src", "fname", "request", "cs1Label=link cs1", "act"]
)
def test_hostile_text_in_a_line_never_raises(begin, key):
    line = f"{begin}{key}={hostile.TEXT}".encode("utf-8", errors="replace")
    (message,) = stream(BytesIO(line))
    ((_, alert),) = read_with(message, "auto", NOW)

    assert 0 < len(alert.title) <= 300
    assert "\\x00" not in repr(alert)
