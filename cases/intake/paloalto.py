"""Palo Alto PAN-OS: threat logs as its firewalls write them to syslog, values without keys."""

from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Role
from cases.intake.base import Detector, IgnoredError, NormalAlert, NormalFlow, NormalObservable, NormalPerson, detectors
from cases.intake.files import add_file
from cases.intake.flows import add_ends, flow_device, read_flow
from cases.intake.identities import add_people, distinct, person
from cases.intake.line_fields import action_of, add_request, sent_path
from cases.intake.normalise import Problems, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, HIGH, INFO, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags

_SEVERITIES = {"informational": INFO, "low": LOW, "medium": MEDIUM, "high": HIGH, "critical": CRITICAL}
_WITH_FILES = frozenset({"virus", "wildfire", "wildfire-virus", "ml-virus", "file", "data"})


@detectors.register
class PaloAlto(Detector):
    """A line of type THREAT; traffic is no alert."""

    slug = "paloalto"
    label = "Palo Alto PAN-OS"
    order = 8  # a line, as CEF

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return payload.get("format") == "panos" and "serial" in payload

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        if alert.text("type") == "TRAFFIC":
            raise IgnoredError("A PAN-OS TRAFFIC record is no alert.")
        graded = _severity(alert.text("severity"))
        title, number = _threat(alert)
        flow = _flow(alert)
        people = distinct([person(alert.text("srcuser")), person(alert.text("dstuser"), role="target")])
        return NormalAlert(
            title=required_title(title, "threatid"),
            description=alert.text("misc"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(alert, received_at, problems, "time_generated", "receive_time"),
            source_ref=_reference(alert),
            count=min(max(alert.number("repeatcnt") or 1, 1), 1_000_000_000),
            rule_id=one_line(f"{alert.text('subtype')}/{number or alert.text('category')}", 255),
            rule_name=one_line(title, 255),
            action=action_of(alert.text("action")),
            flow=flow,
            devices=distinct([flow_device(flow)]),  # `device_name` is the firewall
            people=people,
            observables=_observables(alert, flow, people),
            tags=tags([alert.text("subtype"), alert.text("category"), alert.text("app"), alert.text("rule")]),
            problems=problems.all(),
        )


def _threat(alert: Document) -> tuple[str, str]:
    """`Name(12345)` as name and number; the URL filter sends a number alone, and what it found as category."""
    name, bracket, number = alert.text("threatid").rpartition("(")
    if name.strip():
        return name.strip(), number.rstrip(")")
    if not bracket and number:
        return number, ""
    kind, category = alert.text("subtype"), alert.text("category")
    return f"PAN-OS {kind}: {category}" if kind and category else category, ""


def _severity(word: str) -> Graded:
    known = _SEVERITIES.get(word.casefold())
    return Graded(MEDIUM if known is None else known, word, is_assumed=known is None)


def _reference(alert: Document) -> str:
    """The number counts per firewall and type of log; a firewall without a store sends 0."""
    if (sent := alert.text("seqno")).strip("0"):
        return reference("/".join((alert.text("serial"), alert.text("type"), sent)))
    names = ("serial", "time_generated", "sessionid", "subtype", "threatid", "src", "dst", "sport", "dport", "misc")
    return reference_from(*(alert.text(name) for name in names))


def _flow(alert: Document) -> NormalFlow | None:
    return read_flow(
        alert,
        src_ip=("src",),
        src_port=("sport",),
        dst_ip=("dst",),
        dst_port=("dport",),
        proto=("proto",),
        direction=("direction",),
    )


def _observables(
    alert: Document, flow: NormalFlow | None, people: tuple[NormalPerson, ...]
) -> tuple[NormalObservable, ...]:
    found = Observables()
    add_ends(found, flow)
    if alert.text("subtype") in _WITH_FILES:
        add_file(found, name=sent_path(alert, "misc"))
    else:
        add_request(found, alert.text("misc"), is_secure=alert.text("dport") == "443" or "ssl" in alert.text("app"))
    found.add_hash(alert.text("filedigest"))
    found.add(ObservableKind.USER_AGENT, alert.text("user_agent"), Role.SOURCE)
    for mail in alert.texts("sender", "recipient"):
        found.add(ObservableKind.EMAIL, mail, Role.MAIL)
    add_people(found, people)
    return found.all()
