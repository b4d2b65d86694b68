"""Log Event Extended Format of IBM QRadar: one line with a header of five fields and attributes."""

from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import (
    Detector,
    FieldProblem,
    NormalAlert,
    NormalFlow,
    NormalObservable,
    NormalPerson,
    RejectedError,
    detectors,
)
from cases.intake.files import add_file
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import add_people, distinct, person
from cases.intake.line_fields import (
    action_of,
    add_macs,
    add_request,
    filled,
    grade,
    harvest_fields,
    is_line,
    line_fields,
    line_time,
    read_devices,
    sent_path,
)
from cases.intake.normalise import Problems, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.patterned_times import read_patterned
from cases.intake.texts import one_line, reference_from, tags, web_link

_NAMING = ("src", "srcPort", "dst", "dstPort", "usrName", "suser", "identSrc", "dvc", "dvchost", "url", "filePath")
_TIMES = ("devTime", "syslog_time", "@timestamp", "timestamp")
_USERS = ("usrName", "suser", "accountName")


@detectors.register
class Leef(Detector):
    """A line as it came from a file or a pipe, or whole under `message` of a forwarder's object."""

    slug = "leef"
    label = "LEEF"
    order = 6  # beside CEF, for the same reason

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return is_line(payload, "leef")

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        fields, problems = line_fields(payload, "leef"), Problems()
        if not fields:
            raise RejectedError(
                FieldProblem(field="message", message="no line of LEEF (`LEEF:2.0|vendor|product|...`)")
            )
        fields = _timed(fields)
        alert = Document({**payload, **fields})
        graded = grade(fields.get("sev"))
        flow = _flow(alert)
        actor = person(filled(alert, *_USERS), domain=alert.text("domain", "realm"))
        people = distinct([actor, person(filled(alert, "duser"), role="target")])
        return NormalAlert(
            title=required_title(_title(alert), "name"),
            description=alert.text("desc", "msg", "reason").replace("\\n", "\n"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=line_time(alert, received_at, problems, *_TIMES),
            source_ref=_reference(alert, received_at),
            rule_id=one_line("/".join(alert.text(part) for part in ("vendor", "product", "signature_id")), 255),
            rule_name=one_line(_title(alert), 255),
            action=action_of(alert.text("act", "action")),
            url=web_link(alert.first("link", "alertUrl")),
            flow=flow,
            devices=read_devices(alert, flow, source=("identHostName", "shost"), target=("dhost",)),
            people=people,
            observables=_observables(alert, fields, flow, people),
            tags=tags([alert.text("cat"), alert.text("product")]),
            problems=problems.all(),
        )


def _timed(fields: dict[str, Any]) -> dict[str, Any]:
    """`devTime` in a form that everybody reads: the pattern decides what 01/02/2026 means."""
    text, pattern = fields.get("devTime"), fields.get("devTimeFormat")
    is_told = isinstance(text, str) and isinstance(pattern, str)
    known = read_patterned(text, pattern) if is_told else ""  # type: ignore[arg-type]
    return {**fields, "devTime": known} if known else fields


def _title(alert: Document) -> str:
    """The header has no name: an attribute, the event's id where it is in words, or the product and the id."""
    number = alert.text("signature_id")
    if title := alert.text("name", "eventName", "title"):
        return title
    if not number or any(character.isalpha() for character in number):
        return number or alert.text("desc", "msg")
    return " ".join(filter(None, [alert.text("product"), alert.text("cat"), "event", number]))


def _reference(alert: Document, received_at: datetime) -> str:
    """The fields that name the event. Without a time it may come again tomorrow and mean something new."""
    moment = alert.text(*_TIMES) or received_at.date().isoformat()
    rule = [alert.text(part) for part in ("vendor", "product", "signature_id")]
    return reference_from(*rule, _title(alert), alert.text("msg"), moment, *(alert.text(path) for path in _NAMING))


def _flow(alert: Document) -> NormalFlow | None:
    return read_flow(
        alert,
        src_ip=("src", "identSrc"),
        src_port=("srcPort",),
        dst_ip=("dst",),
        dst_port=("dstPort",),
        proto=("proto",),
        bytes_out=("srcBytes",),
        bytes_in=("dstBytes",),
    )


def _observables(
    alert: Document, fields: dict[str, Any], flow: NormalFlow | None, people: tuple[NormalPerson, ...]
) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    add_request(found, alert.text("url"), is_secure=alert.text("dstPort") == "443")
    for path in ("fileName", "fname"):
        add_file(found, name=sent_path(alert, path))
    add_file(found, folder=sent_path(alert, "filePath"))
    found.add_hash_list(alert.text("fileHash"))
    add_macs(found, alert, "srcMAC", "dstMAC")
    found.add(ObservableKind.MAC, alert.text("identMAC"), Role.SOURCE)
    add_people(found, people)
    harvest_fields(found, {key: value for key, value in fields.items() if key != "alertUrl"})
    return found.all()
