"""Results of osquery of our own making."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read, read_with
from tests.hostile import everywhere

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ROW = {
    "pid": "41",
    "path": "/usr/bin/curl",
    "cmdline_count": "2",
    "cmdline": "curl http://evil.example/a",
    "username": "ada",
    "local_address": "10.1.2.3",
    "local_port": "40000",
    "remote_address": "198.51.100.9",
    "remote_port": "443",
    "sha256": "ab" * 32,
    "cdhash": "1f" * 20,
    "env": "PROXY=203.0.113.1",
    "empty": "",
}
RESULT = {
    "name": "pack_watch_sockets",
    "hostIdentifier": "pc-1.corp.example",
    "calendarTime": "Sun Nov  1 10:00:00 2026 UTC",
    "unixTime": "1793527200",
    "counter": "7",
    "epoch": "0",
    "action": "added",
    "columns": ROW,
}


@pytest.mark.parametrize(
    "payload",
    [
        RESULT,
        {key.lower(): value for key, value in RESULT.items()},
        {**RESULT, "unixTime": None},
        {"node_key": "n", "log_type": "result", "data": [RESULT]},
    ],
    ids=["row", "lower case", "words for the time", "from the server"],
)
def test_a_row_that_came(payload):
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "osquery"
    assert (alert.title, alert.rule_id, alert.tags) == ("pack_watch_sockets", "pack_watch_sockets", ("added",))
    assert alert.detected_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (alert.severity, alert.is_severity_assumed, len(alert.source_ref)) == (1, True, 64)
    (device,) = alert.devices
    assert (device.name, device.fqdn, device.address) == ("pc-1", "pc-1.corp.example", "10.1.2.3")
    assert [one.login for one in alert.people] == ["ada"]
    assert (alert.flow.src_ip, alert.flow.src_port) == ("10.1.2.3", 40000)
    assert (alert.flow.dst_ip, alert.flow.dst_port) == ("198.51.100.9", 443)
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("ip", "10.1.2.3"),
        ("ip", "198.51.100.9"),
        ("user", "ada"),
        ("process", "/usr/bin/curl"),
        ("command_line", "curl http://evil.example/a"),
        ("hash_sha256", "ab" * 32),
    ]
    assert alert.description.startswith("added\npid=41, path=/usr/bin/curl, cmdline_count=2, cmdline=curl")
    assert "PROXY" not in alert.description
    assert "empty" not in alert.description


@pytest.mark.parametrize(
    "rows",
    [
        {"snapshot": [{"path": "/a"}, {"path": "/b"}]},
        {"diffResults": {"added": [{"path": "/a"}], "removed": [{"path": "/b"}]}},
    ],
)
def test_batches_and_snapshots_hold_several_rows(rows):
    payload = {key: value for key, value in RESULT.items() if key not in {"columns", "action"}} | rows
    ((detector, alert),) = read_with(payload, "auto", NOW)

    assert detector.slug == "osquery"
    assert [(one.kind, one.value) for one in alert.observables] == [("file_path", "/a"), ("file_path", "/b")]


def test_of_a_large_snapshot_only_the_first_rows_are_read():
    (alert,) = read({**RESULT, "columns": None, "snapshot": [{"path": f"/{one}"} for one in range(101)]}, "auto", NOW)

    assert len(alert.observables) == 100
    assert [problem.field for problem in alert.problems] == ["snapshot"]


def test_the_number_of_the_hardware_is_no_name():
    number = "AAAAAAAA-1111-2222-3333-BBBBBBBBBBBB"
    payload = {**RESULT, "hostIdentifier": number, "decorations": {"hostname": "pc-1"}, "columns": {"pid": "1"}}
    (device,) = read(payload, "osquery", NOW)[0].devices

    assert (device.name, device.agent_id, device.is_edr) == ("pc-1", number, False)


def test_a_key_of_the_registry_and_a_serial():
    rows = [{"path": "HKEY_LOCAL_MACHINE\\SOFTWARE\\Run"}, {"vendor": "V", "model": "Stick", "serial": "S1"}]
    (alert,) = read({**RESULT, "columns": None, "snapshot": rows}, "osquery", NOW)

    assert [(one.kind, one.value) for one in alert.observables] == [
        ("registry_key", "HKLM\\SOFTWARE\\Run"),
        ("serial", "S1"),
    ]


def test_each_row_of_a_run_is_an_alert_of_its_own():
    changes = ({}, {"decorations": {"x": "y"}}, {"action": "removed"}, {"counter": "8"}, {"columns": {"pid": "2"}})
    references = {read({**RESULT, **change}, "osquery", NOW)[0].source_ref for change in changes}

    assert len(references) == 4


def test_its_own_status_is_no_alert():
    status = {"hostIdentifier": "pc-1", "unixTime": "1793527200", "severity": "0", "filename": "a.cpp", "message": "up"}
    with pytest.raises(IgnoredError):
        read(status, "auto", NOW)


@pytest.mark.parametrize(
    ("change", "field"), [({"name": ""}, "name"), ({"unixTime": "x", "calendarTime": ""}, "unixTime")]
)
def test_what_is_required_is_named(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**RESULT, **change}, "osquery", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_does_not_raise():
    (alert,) = read({**everywhere(RESULT), "unixTime": RESULT["unixTime"]}, "osquery", NOW)

    assert len(alert.title) <= 300
    assert alert.flow is None
