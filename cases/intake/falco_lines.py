"""Falco's plain line, `12:18:18.691725165: Notice What happened (user=root command=sh -c ls)`, as its JSON would be."""

import re
from datetime import datetime, timedelta
from typing import Any

from cases.intake.absent import plain
from cases.intake.times import MAX_AHEAD

_PRIORITIES = "Emergency|Alert|Critical|Error|Warning|Notice|Informational|Debug"
_HEAD = re.compile(  # a day only where Falco is told to write ISO 8601
    r"(?:^|\s)(?:(?P<day>\d{4}-\d\d-\d\d)T)?(?P<clock>\d\d:\d\d:\d\d)(?P<fraction>\.\d{9})(?:\+0000|Z)?: "
    rf"(?P<priority>{_PRIORITIES}) "
)
_LONGEST_HEAD = 512  # characters: a syslog header is shorter
_KEY = re.compile(
    r"(?:^| )((?:user|process|shell|g*parent|pcmdline|command|cmdline|terminal|connection|file|fd|image|lport|rport"
    r"|container|(?:evt|user|proc|fd|exe|container|k8s)[_.][a-z0-9_.]{1,60}))="
)
_VALUES = re.compile(r" \(| \| ")  # older rules put the values into brackets, newer ones behind a bar
_NAMES = {
    "evt_type": "evt.type",
    "user": "user.name",
    "user_uid": "user.uid",
    "user_loginuid": "user.loginuid",
    "process": "proc.name",
    "shell": "proc.name",
    "proc_exepath": "proc.exepath",
    "parent": "proc.pname",
    "pcmdline": "proc.pcmdline",
    "command": "proc.cmdline",
    "cmdline": "proc.cmdline",
    "connection": "fd.name",
    "file": "fd.name",
    "fd": "fd.name",
    "container_id": "container.id",
    "container_name": "container.name",
    "container_image": "container.image.repository",
    "container_image_tag": "container.image.tag",
    "image": "container.image.repository",
    "k8s_ns": "k8s.ns.name",
    "k8s.ns": "k8s.ns.name",
    "k8s_pod": "k8s.pod.name",
    "k8s_pod_name": "k8s.pod.name",
    "k8s.pod": "k8s.pod.name",
}


def is_falco_line(payload: dict[str, Any]) -> bool:
    """Is it a line of text with a time of day and a priority as Falco writes them?"""
    return payload.get("format") == "syslog" and _head(payload) is not None


def read_falco_line(payload: dict[str, Any], received_at: datetime) -> dict[str, Any] | None:
    """The object of a line, or None; its rule, which no line names, is the sentence without the values.

    `line_time` is there where no day was sent, and is the time as sent: the same line is the same alert whenever it
    is read.
    """
    head = _head(payload) if payload.get("format") == "syslog" else None
    if head is None:
        return None
    message = payload["message"]
    sentence, *values = _VALUES.split(message[head.end() :], maxsplit=1)
    clock = head["clock"] + head["fraction"]
    found = {
        "hostname": plain(payload.get("syslog_host")),
        "output": message[head.start() :].strip(),
        "output_fields": _fields(values[0].strip().removesuffix(")")) if values else {},
        "priority": head["priority"],
        "rule": sentence.strip(),
        "time": f"{head['day'] or _day(head['clock'], received_at)}T{clock}Z",
    }
    return found if head["day"] else {**found, "line_time": clock}


def _head(payload: dict[str, Any]) -> re.Match[str] | None:
    message = payload.get("message")
    return _HEAD.search(message, 0, _LONGEST_HEAD) if isinstance(message, str) else None


def _day(clock: str, received_at: datetime) -> str:
    """The day of receipt, or the one before where the time of day would lie ahead."""
    try:
        told = datetime.strptime(clock, "%H:%M:%S").time()  # noqa: DTZ007  only a time of day
    except ValueError:
        return ""
    is_ahead = received_at.replace(hour=told.hour, minute=told.minute, second=told.second) > received_at + MAX_AHEAD
    return (received_at - timedelta(days=is_ahead)).date().isoformat()


def _fields(text: str) -> dict[str, str]:
    """`a=b c c=d` as pairs; a value may hold blanks and ends before the next ` word=`."""
    marks = list(_KEY.finditer(text))
    found: dict[str, str] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        name = mark.group(1)
        value = text[mark.end() : following.start() if following else len(text)].strip()
        found.setdefault(_NAMES.get(name, name), value)
    return found
