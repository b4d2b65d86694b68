"""Zeek logs, JSON or TSV: notices, weirds and hits of its intelligence framework are alerts, the rest is telemetry."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, ObservableKind, Role
from cases.intake.base import Detector, IgnoredError, NormalAlert, NormalFlow, NormalObservable, detectors
from cases.intake.flows import add_ends, flow_device, read_flow
from cases.intake.harvest import harvest_text
from cases.intake.identities import distinct
from cases.intake.normalise import Problems, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import INFO
from cases.intake.texts import one_line, reference, reference_from, tags

_MARKS = ("note", "_path", "@stream", "fuid", "id.orig_h", "id_orig_h")  # `ts` and `uid` others have, too
_ALERTS = ("notice", "weird", "intel")
_INDICATORS = {
    "Intel::ADDR": ObservableKind.IP,
    "Intel::SUBNET": ObservableKind.SUBNET,
    "Intel::URL": ObservableKind.URL,
    "Intel::DOMAIN": ObservableKind.DOMAIN,
    "Intel::EMAIL": ObservableKind.EMAIL,
    "Intel::USER_NAME": ObservableKind.USER,
    "Intel::FILE_NAME": ObservableKind.FILE_NAME,
    "Intel::SOFTWARE": ObservableKind.USER_AGENT,
}


@detectors.register
class Zeek(Detector):
    """One row of a log; Zeek knows no severity, so each alert is informational until a kind raises it."""

    slug = "zeek"
    label = "Zeek"
    order = 270

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        if "ts" not in payload:
            return False
        ends = payload.get("id")
        is_nested = isinstance(ends, dict) and "orig_h" in ends
        return is_nested or _is_weird(payload) or any(key in payload for key in _MARKS)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        row, problems = Document(payload), Problems()
        log = _log(row)
        if log not in _ALERTS:
            raise IgnoredError(f"A row of the Zeek log {one_line(log, 40) or 'without a name'} is no alert.")
        rule = _rule(row, log)
        flow = _flow(row)
        return NormalAlert(
            title=required_title(_title(row, log), "name" if log == "weird" else "msg"),
            description=row.text("sub", "addl"),
            severity=INFO,
            is_severity_assumed=True,
            detected_at=required_time(row, received_at, problems, "ts"),
            source_ref=_reference(row, rule),
            rule_id=one_line(rule, 255),
            rule_name=one_line(rule, 255),
            action=str(AlertAction.BLOCKED if row.text("dropped") == "true" else AlertAction.DETECTED),
            flow=flow,
            devices=distinct([flow_device(flow)]),  # `peer_descr` and `@system` name the sensor
            observables=_observables(row, flow),
            tags=tags([log, *row.values("actions", "sources")]),
            problems=problems.all(),
        )


def _is_weird(payload: dict[str, Any]) -> bool:
    return "name" in payload and "notice" in payload


def _log(row: Document) -> str:
    """Which log a row is of: the stream's own word, else by the fields that only one log has."""
    if named := row.text("_path", "@stream"):
        return named.casefold()
    if row.text("note"):
        return "notice"
    if _is_weird(row.payload):
        return "weird"
    return "intel" if row.text("seen.indicator") else ""


def _title(row: Document, log: str) -> str:
    match log:
        case "weird":
            name = row.text("name")
            return name and f"Odd traffic: {name}"
        case "intel":
            indicator = row.text("seen.indicator")
            return indicator and f"Known indicator seen: {indicator}"
        case _:
            return row.text("msg", "note")


def _rule(row: Document, log: str) -> str:
    match log:
        case "weird":
            return row.text("name")
        case "intel":
            return row.text("seen.indicator_type") or "Intel"
        case _:
            return row.text("note", "msg")


def _reference(row: Document, rule: str) -> str:
    """The connection, the rule and the file or indicator; without a connection what the row says."""
    if uid := row.text("uid"):
        return reference("/".join(part for part in (uid, rule, row.text("fuid", "seen.indicator")) if part))
    named = ("ts", "msg", "sub", "addl", "src", "dst", "p", "seen.indicator", "peer_descr", "peer")
    return reference_from(rule, *(row.text(path) for path in named))


def _flow(row: Document) -> NormalFlow | None:
    """The connection, or the addresses of a notice that stands for many; exporters flatten `id.orig_h`."""
    return read_flow(
        row,
        src_ip=("id.orig_h", "id_orig_h", "src"),
        src_port=("id.orig_p", "id_orig_p"),
        dst_ip=("id.resp_h", "id_resp_h", "dst"),
        dst_port=("id.resp_p", "id_resp_p", "p"),
        proto=("proto",),
    )


def _observables(row: Document, flow: NormalFlow | None) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    found.add(ObservableKind.IP, row.text("src"), Role.SOURCE)
    found.add(ObservableKind.IP, row.text("dst"), Role.DESTINATION)
    _add_indicator(found, row)
    harvest_text(found, row.text("file_desc"), Role.DESTINATION)
    for text in row.texts("sub", "msg", "addl"):
        _add_words(found, text)
    return found.all()


def _add_indicator(found: Observables, row: Document) -> None:
    value, kind = row.text("seen.indicator"), row.text("seen.indicator_type")
    if kind in {"Intel::FILE_HASH", "Intel::CERT_HASH"}:
        found.add_hash(value)
    elif value:
        found.add(_INDICATORS.get(kind, ObservableKind.OTHER), value, is_indicator=True)


def _add_words(found: Observables, text: str) -> None:
    """What a sentence names, the name of a certificate too. A link that asks for a hash stands for the file."""
    for word in text[:4000].split():
        _, query, asked = word.rpartition("=")
        if not (query and "://" in word and found.add_hash(asked)):
            harvest_text(found, word)
    for part in text[:4000].split(","):
        name, _, value = part.strip().partition("=")
        if name == "CN":
            found.add_host(value, Role.DESTINATION)
