"""ArcSight Common Event Format: one line with a header of seven fields and an extension of `key=value`."""

from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import (
    Detector,
    FieldProblem,
    NormalAlert,
    NormalDevice,
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
    add_names,
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
from cases.intake.normalise import Problems, optional_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.texts import one_line, reference, reference_from, tags, web_link

_NAMING = ("src", "spt", "dst", "dpt", "shost", "dhost", "suser", "duser", "fname", "filePath", "fileHash", "request")
_TIMES = ("rt", "end", "start", "syslog_time", "@timestamp", "timestamp")
# Some senders write the names that the standard gives its keys in full.
_SHORT = {
    "deviceReceiptTime": "rt",
    "startTime": "start",
    "endTime": "end",
    "sourceAddress": "src",
    "sourcePort": "spt",
    "sourceHostName": "shost",
    "sourceUserName": "suser",
    "sourceMacAddress": "smac",
    "destinationAddress": "dst",
    "destinationPort": "dpt",
    "destinationHostName": "dhost",
    "destinationUserName": "duser",
    "destinationMacAddress": "dmac",
    "transportProtocol": "proto",
    "deviceAction": "act",
    "fileName": "fname",
    "requestUrl": "request",
    "requestURL": "request",
    "baseEventCount": "cnt",
}


@detectors.register
class Cef(Detector):
    """A line as it came from a file or a pipe, or whole under `message` of a forwarder's object."""

    slug = "cef"
    label = "CEF"
    order = 5  # before all others: the sender chooses the keys of the extension, and they may look like anything

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return is_line(payload, "cef")

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        fields, problems = line_fields(payload, "cef"), Problems()
        if not fields:
            raise RejectedError(FieldProblem(field="message", message="no line of CEF (`CEF:0|vendor|product|...`)"))
        fields = {_SHORT[key]: value for key, value in fields.items() if key in _SHORT} | fields
        alert = Document({**payload, **fields})
        title = alert.text("name", "signature_id")
        graded = grade(fields.get("severity"))
        flow = _flow(alert)
        devices = read_devices(alert, flow, source=("shost",), target=("dhost",))
        people = _people(alert)
        url = _link(alert)
        return NormalAlert(
            title=required_title(title, "name"),
            description=alert.text("msg", "reason"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=line_time(alert, received_at, problems, *_TIMES),
            first_seen_at=optional_time(alert, received_at, "start"),
            last_seen_at=optional_time(alert, received_at, "end"),
            source_ref=_reference(alert, received_at),
            count=min(max(alert.number("cnt") or 1, 1), 1_000_000_000),
            rule_id=one_line("/".join(alert.text(part) for part in ("vendor", "product", "signature_id")), 255),
            rule_name=one_line(title, 255),
            action=action_of(alert.text("act")),
            status=alert.text("outcome")[:64],
            url=url,
            flow=flow,
            devices=devices,
            people=people,
            observables=_observables(alert, fields, flow, url, people, devices),
            tags=tags([alert.text("cat"), alert.text("product")]),
            problems=problems.all(),
        )


def _reference(alert: Document, received_at: datetime) -> str:
    """The sender's number, which counts per product, device and kind of record. One that stands in the signature too
    is the number of an event's kind (4625) and names nothing."""
    sent, rule = alert.text("externalId"), [alert.text(part) for part in ("vendor", "product", "signature_id")]
    if sent and sent not in rule[2]:
        return reference("/".join((*rule, alert.text("deviceExternalId", "dvchost", "dvc"), sent)))
    # A line without any time may come again tomorrow and mean something new; within a day it is the same one, re-sent.
    moment = alert.text(*_TIMES) or received_at.date().isoformat()
    return reference_from(*rule, alert.text("name", "msg"), moment, *(alert.text(path) for path in _NAMING))


def _flow(alert: Document) -> NormalFlow | None:
    return read_flow(
        alert,
        src_ip=("src", "c6a2"),
        src_port=("spt",),
        dst_ip=("dst", "c6a3"),
        dst_port=("dpt",),
        proto=("proto",),
        bytes_out=("out",),
        bytes_in=("in",),
    )


def _people(alert: Document) -> tuple[NormalPerson, ...]:
    return distinct(
        [
            person(filled(alert, "suser"), domain=alert.text("sntdom"), sid=alert.text("suid")),
            person(filled(alert, "duser"), domain=alert.text("dntdom"), sid=alert.text("duid"), role="target"),
        ]
    )


def _link(alert: Document) -> str:
    """The way back, under whatever label; senders escape the slashes and twice the `=`."""
    for path in ("link", "alert link", "alert url", "alerturl", "url", "permalink"):
        if link := web_link(alert.text(path).replace("\\/", "/").replace("\\=", "=")):
            return link
    return ""


def _observables(
    alert: Document,
    fields: dict[str, Any],
    flow: NormalFlow | None,
    url: str,
    people: tuple[NormalPerson, ...],
    devices: tuple[NormalDevice, ...],
) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    add_names(found, alert, devices)
    add_request(found, alert.text("request"), is_secure=alert.text("dpt") == "443" or "ssl" in alert.text("app"))
    add_file(found, name=sent_path(alert, "fname"))
    add_file(found, folder=sent_path(alert, "filePath"))
    add_file(found, name=sent_path(alert, "oldFileName"))
    for digest in ("fileHash", "oldFileHash"):
        found.add_hash_list(alert.text(digest))
    for path in ("sproc", "dproc"):
        found.add(ObservableKind.PROCESS, alert.text(path), Role.PROCESS)
    found.add(ObservableKind.USER_AGENT, alert.text("requestClientApplication"), Role.SOURCE)
    add_macs(found, alert, "smac", "dmac")
    add_people(found, people)
    # Ports of C2 and the like stay with their labels; the way back to the sender is no finding.
    links = {key for key, value in fields.items() if url and _unescaped(value) == url}
    harvest_fields(found, {key: value for key, value in fields.items() if key not in links})
    return found.all()


def _unescaped(value: Any) -> str:
    return str(value).replace("\\/", "/").replace("\\=", "=")
