"""Snort: the CSV and the fast alerts of version 2, the JSON of version 3. Suricata's fast.log has the same lines."""

import re
from datetime import datetime, timedelta
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import Detector, NormalAlert, NormalFlow, NormalObservable, detectors
from cases.intake.flows import add_ends, flow_device, read_flow
from cases.intake.identities import distinct
from cases.intake.line_fields import action_of
from cases.intake.normalise import Problems, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document, whole_number
from cases.intake.severities import HIGH, INFO, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference_from, tags

_PRIORITIES = {1: HIGH, 2: MEDIUM, 3: LOW}  # 1 is worst
_RULE = re.compile(r"\d{1,10}:\d{1,10}:\d{1,10}")
_STAMP = re.compile(r"(\d\d)/(\d\d)(?:/(\d{4}|\d\d))?-(\d\d:\d\d:\d\d(?:\.\d{1,6})?)")
_TIMES = ("timestamp", "seconds", "syslog_time")


@detectors.register
class Snort(Detector):
    """The sensor names no device of its own: it is the inner end of the flow."""

    slug = "snort"
    label = "Snort"
    order = 7  # a line, as CEF

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        if payload.get("format") == "snort":
            return "sid" in payload
        rule = payload.get("rule")
        return "src_ap" in payload and isinstance(rule, str) and _RULE.fullmatch(rule) is not None

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        problems = Problems()
        alert = Document({**payload, **_ends(payload), "timestamp": _stamp(payload.get("timestamp"), received_at)})
        gid, sid, rev = _rule(alert)
        graded = _severity(alert.first("priority"))
        flow = _flow(alert)
        return NormalAlert(
            title=required_title(alert.text("msg") or (sid and f"Snort rule {gid}:{sid}"), "msg"),
            description=alert.text("class"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(alert, received_at, problems, *_TIMES),
            source_ref=reference_from(
                gid,
                sid,
                *(alert.text(path) for path in (*_TIMES, "src_addr", "src_port", "dst_addr", "dst_port", "pkt_num")),
            ),
            rule_id=f"{gid}:{sid}"[:64] if sid else "",
            rule_name=one_line(alert.text("msg"), 255),
            rule_version=rev[:64],
            action=action_of(alert.text("action")),
            flow=flow,
            devices=distinct([flow_device(flow)]),
            observables=_observables(alert, flow),
            tags=tags([alert.text("class")]),
            problems=problems.all(),
        )


def _rule(alert: Document) -> tuple[str, str, str]:
    """Generator, signature and revision, apart or as `1:2000:3`."""
    gid, _, rest = alert.text("rule").partition(":")
    sid, _, rev = rest.partition(":")
    return alert.text("gid") or gid or "1", alert.text("sid") or sid, alert.text("rev") or rev


def _ends(payload: dict[str, Any]) -> dict[str, str]:
    """`src_ap` is an address and a port; those of IPv6 stand without brackets, too."""
    found = {}
    for end in ("src", "dst"):
        text = payload.get(f"{end}_ap")
        if isinstance(text, str) and f"{end}_addr" not in payload:
            host, _, number = text.rpartition(":")
            has_port = bool(host) and (host.count(":") != 6 or "::" in text) and number.isdigit()
            found[f"{end}_addr"], found[f"{end}_port"] = (host, number) if has_port else (text, "")
    return found


def _stamp(value: Any, received_at: datetime) -> Any:
    """`01/27/16-16:01:04.877970` in ISO 8601, the year of receipt where none is there; else as sent."""
    found = _STAMP.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return value
    month, day, year, clock = found.groups()
    if year:
        return f"{'20' if len(year) == 2 else ''}{year}-{month}-{day} {clock}"
    is_ahead = f"{month}-{day}" > f"{received_at + timedelta(days=1):%m-%d}"
    return f"{received_at.year - is_ahead}-{month}-{day} {clock}"


def _severity(priority: Any) -> Graded:
    number = whole_number(priority)
    if number is None or number < 1:
        return Graded(MEDIUM, "", is_assumed=True)
    return Graded(_PRIORITIES.get(number, INFO), str(number)[:64])


def _flow(alert: Document) -> NormalFlow | None:
    return read_flow(
        alert,
        src_ip=("src_addr",),
        src_port=("src_port",),
        dst_ip=("dst_addr",),
        dst_port=("dst_port",),
        proto=("proto",),
        bytes_out=("client_bytes",),
        bytes_in=("server_bytes",),
    )


def _observables(alert: Document, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    found.add(ObservableKind.MAC, alert.text("eth_src"), Role.SOURCE)
    found.add(ObservableKind.MAC, alert.text("eth_dst"), Role.DESTINATION)
    return found.all()
