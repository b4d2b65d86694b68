"""Falco alerts of our own making: JSON, and lines as syslog and files carry them."""

from datetime import UTC, datetime
from io import BytesIO

import pytest

from cases.intake.base import RejectedError
from cases.intake.read import read, read_with
from cases.intake.split import stream
from tests.hostile import TEXT, everywhere

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ALERT = {
    "hostname": "node-1",
    "output": "10:00:00.123456789: Warning Shadow was read (user=ada)",
    "priority": "Warning",
    "rule": "Read sensitive file",
    "source": "syscall",
    "tags": ["container", "mitre_credential_access", "T1003.008"],
    "time": "2026-11-01T10:00:00.123456789Z",
    "output_fields": {
        "container.id": "c0ffee",
        "container.image.repository": "registry.example/web",
        "container.image.tag": "1.2",
        "evt.time": 1793527200123456789,
        "fd.name": "/etc/shadow",
        "k8s.ns.name": "shop",
        "k8s.pod.name": "web-1",
        "proc.cmdline": "cat /etc/shadow",
        "proc.name": "cat",
        "proc.pname": "bash",
        "user.loginname": "<NA>",
        "user.name": "ada",
    },
}
VALUES = (
    "evt_type=execve user=ada user_uid=1 process=sh proc_exepath=/bin/sh parent=sshd command=sh -c dd if=/a of=/b "
    "terminal=1 container_id=c0ffee container_image=registry.example/web container_image_tag=1.2 k8s_pod_name=web-1"
)


def _line(text):
    (message,) = stream(BytesIO(text.encode()))
    ((detector, alert),) = read_with(message, "auto", NOW)
    assert detector.slug == "falco"
    return alert


def test_keys_with_dots_are_no_nesting():
    ((detector, alert),) = read_with(ALERT, "auto", NOW)

    assert detector.slug == "falco"
    assert (alert.title, alert.rule_id, alert.description) == (ALERT["rule"], ALERT["rule"], ALERT["output"])
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert (alert.severity, alert.severity_raw, alert.is_severity_assumed) == (2, "Warning", False)
    assert alert.attack == (("T1003.008", "TA0006"),)
    assert [one.name for one in alert.devices] == ["node-1"]
    assert [one.login for one in alert.people] == ["ada"]
    assert alert.flow is None
    assert [(one.kind, one.value, one.tags) for one in alert.observables] == [
        ("process", "cat", ()),
        ("command_line", "cat /etc/shadow", ()),
        ("process", "bash", ()),
        ("file_path", "/etc/shadow", ()),
        ("user", "ada", ()),
        ("other", "c0ffee", ("container",)),
        ("other", "registry.example/web:1.2", ("container-image",)),
        ("other", "shop/web-1", ("kubernetes-pod",)),
    ]
    assert alert.tags == (*ALERT["tags"], "syscall")
    assert alert.problems == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"fd.name": "10.1.2.3:40000->198.51.100.9:443", "fd.l4proto": "tcp"},
        {"fd.cip": "10.1.2.3", "fd.cport": 40000, "fd.sip": "198.51.100.9", "fd.sport": "443", "fd.l4proto": "tcp"},
    ],
)
def test_a_connection_has_two_ends(fields):
    (alert,) = read({**ALERT, "output_fields": fields}, "falco", NOW)

    assert (alert.flow.src_ip, alert.flow.src_port) == ("10.1.2.3", 40000)
    assert (alert.flow.dst_ip, alert.flow.dst_port, alert.flow.proto) == ("198.51.100.9", 443, "tcp")
    assert [(one.kind, one.value) for one in alert.observables] == [("ip", "10.1.2.3"), ("ip", "198.51.100.9")]


def test_the_node_is_the_device_and_the_login_the_person_where_they_are_known():
    fields = {"k8s.node.name": "worker-3", "user.name": "root", "user.loginname": "ada", "container.id": "host"}
    (alert,) = read({**ALERT, "output_fields": fields}, "falco", NOW)

    assert [one.name for one in alert.devices] == ["worker-3"]
    assert [one.login for one in alert.people] == ["ada"]
    assert "host" not in [one.value for one in alert.observables]


def test_the_id_of_a_container_is_no_device():
    assert read({**ALERT, "hostname": "0123456789ab"}, "falco", NOW)[0].devices == ()


def test_a_repeat_is_the_same_alert_and_the_next_one_is_not():
    references = {
        read({**ALERT, **change}, "falco", NOW)[0].source_ref
        for change in (
            {},
            {"output": "other words"},
            {"time": "2026-11-01T10:00:00.123456790Z"},
            {"hostname": "node-2"},
        )
    }

    assert len(references) == 3


def test_the_time_of_the_event_stands_in():
    (alert,) = read({**ALERT, "time": None}, "falco", NOW)

    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(("begin", "end"), [("(", ")"), ("| ", "")])
def test_a_plain_line_says_the_same_as_its_json(begin, end):
    alert = _line(f"10:00:00.123456789: Notice A shell was started {begin}{VALUES}{end}\n")

    assert (alert.title, alert.rule_id) == ("A shell was started", "A shell was started")
    assert (alert.severity, alert.severity_raw) == (1, "Notice")
    assert alert.detected_at == datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)  # ten o'clock today is still ahead
    assert [problem.field for problem in alert.problems] == ["time"]
    assert alert.devices == ()
    assert [one.login for one in alert.people] == ["ada"]
    assert [(one.kind, one.value) for one in alert.observables] == [
        ("process", "/bin/sh"),
        ("command_line", "sh -c dd if=/a of=/b"),
        ("process", "sshd"),
        ("user", "ada"),
        ("other", "c0ffee"),
        ("other", "registry.example/web:1.2"),
        ("other", "web-1"),
    ]


def test_a_line_behind_a_syslog_header_names_its_host():
    alert = _line(f"<133>Nov  2 08:30:00 node-1 falco[7]: 08:30:00.000000001: Critical Started ({VALUES})\n")

    assert alert.detected_at == datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
    assert (alert.severity, [one.name for one in alert.devices]) == (4, ["node-1"])


def test_a_line_with_its_day_needs_no_guess():
    alert = _line(f"2026-10-31T23:00:00.000000001+0000: Error Started ({VALUES})\n")

    assert alert.detected_at == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert (alert.severity, alert.problems) == (3, ())


def test_a_line_read_again_the_next_day_is_the_same_alert():
    line = {"format": "syslog", "message": f"10:00:00.123456789: Notice Started ({VALUES})"}
    first, second = (read(line, "falco", NOW.replace(day=day))[0] for day in (2, 3))

    assert first.source_ref == second.source_ref
    assert first.detected_at != second.detected_at


@pytest.mark.parametrize("line", ["Nov  2 08:30:00 host app: 08:30:00: Error no fraction", "Notice something (user=a)"])
def test_other_lines_are_left_to_others(line):
    (message,) = stream(BytesIO(f"{line}\n".encode()))
    ((detector, _),) = read_with(message, "auto", NOW)

    assert detector.slug == "generic"


@pytest.mark.parametrize("line", ["99:99:99.000000000: Error x", f"10:00:00.123456789: Error {TEXT}"])
def test_hostile_lines_do_not_raise(line):
    ((_, alert),) = read_with({"format": "syslog", "message": line}, "auto", NOW)

    assert 0 < len(alert.title) <= 300


@pytest.mark.parametrize(("change", "field"), [({"rule": ""}, "rule"), ({"time": "x", "output_fields": {}}, "time")])
def test_what_is_required_is_named(change, field):
    with pytest.raises(RejectedError) as caught:
        read({**ALERT, **change}, "falco", NOW)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_hostile_text_does_not_raise():
    (alert,) = read({**everywhere(ALERT), "time": ALERT["time"]}, "falco", NOW)

    assert len(alert.title) <= 300
