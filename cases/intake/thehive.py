"""What clients of TheHive post: alerts with observables (TheHive 5) or artifacts (TheHive 3 and 4)."""

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar

from cases.choices import Pap, Tlp
from cases.intake.absent import is_absent
from cases.intake.attack_names import attack_pair
from cases.intake.base import Detector, FieldProblem, NormalAlert, NormalDevice, RejectedError, detectors
from cases.intake.identities import device, distinct
from cases.intake.normalise import MAX_TECHNIQUES, Problems, optional_link, own_time, required_title
from cases.intake.paths import Document, whole_number
from cases.intake.severities import HIGH, LOW, MEDIUM, Graded
from cases.intake.texts import MAX_NAME, one_line, reference, reference_from, tags
from cases.intake.thehive_observables import Named, named

MAX_SOURCE = 60
DIGITS = 12  # of a hash in a reference
WINDOW = timedelta(hours=1)  # in which ElastAlert's word about the same things is the same alert
WAZUH = "wazuh_alert"  # the type that its common script sends
_SEVERITIES = {1: LOW, 2: MEDIUM, 3: HIGH, 4: 4}
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_UNUSED = ("assignee", "caseTemplate", "flag")  # of TheHive's own work on an alert; here people decide


@detectors.register
class TheHive(Detector):
    """An alert as `POST /api/v1/alert` takes it. Read the versions apart: both have a TLP 3, and mean another."""

    slug = "thehive"
    label = "TheHive 5 alerts"
    order = 250
    tlp: ClassVar[dict[int, Tlp]] = {number: Tlp(number) for number in range(5)}

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return "sourceRef" in payload and "title" in payload

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        _require(alert)
        detected_at = own_time(alert.first("date"), "date", received_at, problems) or received_at
        graded, found = _severity(alert.first("severity")), named(alert, problems)
        for name in _UNUSED:
            if alert.first(name):
                problems.add(name, "says nothing here; dropped")
        return NormalAlert(
            title=required_title(alert.text("title"), "title"),
            description=alert.text("description"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=detected_at,
            source=one_line(alert.text("source"), MAX_SOURCE),
            source_ref=_reference(alert, found, detected_at),
            rule_id=_tagged(alert, "rule"),
            status=one_line(alert.text("status"), 40),
            url=optional_link(alert, problems, "externalLink"),
            attack=_attack(alert),
            devices=distinct([_agent(alert), *found.devices]),
            people=distinct([*found.people]),
            observables=found.observables.all(),
            # The strictest mark holds for all, also that of one observable: they are shown together.
            tlp=max(cls._tlp(one, problems) for one in (alert, *found.items)),
            pap=max(_pap(one, problems) for one in (alert, *found.items)),
            tags=tags(alert.values("tags")),
            problems=problems.all(),
        )

    @classmethod
    def _tlp(cls, marked: Document, problems: Problems) -> Tlp:
        sent = marked.first("tlp")
        known = cls.tlp.get(number) if (number := whole_number(sent)) is not None else None
        if known is None and not is_absent(sent):
            problems.add("tlp", "no TLP of TheHive; AMBER is assumed")
        return Tlp.AMBER if known is None else known


@detectors.register
class TheHiveV0(TheHive):
    """An alert as `POST /api/alert` takes it, whose TLP ends with 3 for RED."""

    slug = "thehive-v0"
    label = "TheHive 3 and 4 alerts"
    order = 249
    tlp: ClassVar[dict[int, Tlp]] = {0: Tlp.CLEAR, 1: Tlp.GREEN, 2: Tlp.AMBER, 3: Tlp.RED, 4: Tlp.RED}

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return super().reads(payload) and "artifacts" in payload


def _require(alert: Document) -> None:
    """What TheHive requires too; a title is asked for where it is read."""
    missing = [name for name in ("type", "source", "sourceRef") if not alert.text(name)]
    if missing:
        raise RejectedError(*(FieldProblem(field=name, message="is required and missing") for name in missing))


def _severity(value: Any) -> Graded:
    known = _SEVERITIES.get(number) if (number := whole_number(value)) is not None else None
    return Graded(MEDIUM if known is None else known, str(value or "")[:64], is_assumed=known is None)


def _reference(alert: Document, found: Named, detected_at: datetime) -> str:
    """`<sourceRef>/<type>`, which TheHive holds an alert by beside its source. Some senders' references are none:
    the Wazuh script draws six digits, which soon repeat, and ElastAlert a UUID that never does."""
    kind = alert.text("type").replace("/", "-")
    sent = alert.text("sourceRef")
    if kind == WAZUH:
        body = {name: value for name, value in alert.payload.items() if name not in {"status", "lastSyncDate"}}
        return reference(f"{sent}/{kind}/{reference_from(body)[:DIGITS]}")
    if "elastalert" in alert.text("source").casefold() and _UUID4.fullmatch(sent):
        things = sorted(found.sent) or alert.text("description")
        return reference_from(kind, alert.text("title"), things, int(detected_at.timestamp() // WINDOW.total_seconds()))
    return reference(f"{sent}/{kind}")


def reference_of(sent: str, kind: str) -> str:
    """The regular expression of references with this `sourceRef`, or of this type where it is empty."""
    before = re.escape(sent) if sent else ".*"
    return f"^{before}/{re.escape(kind.replace('/', '-')) if kind else '[^/]*'}(/[0-9a-f]{{{DIGITS}}})?$"


def _attack(alert: Document) -> tuple[tuple[str, str], ...]:
    pairs = [
        pair
        for procedure in alert.objects("procedures")[:MAX_TECHNIQUES]
        for pair in attack_pair(procedure.text("patternId"), procedure.text("tactic"))
    ]
    return tuple(dict.fromkeys(pairs))


def _tagged(alert: Document, name: str) -> str:
    """The value of a tag such as `rule=5712`, as the Wazuh script writes them."""
    if alert.text("type") != WAZUH:
        return ""
    begin = f"{name}="
    return next((one_line(tag[len(begin) :], MAX_NAME) for tag in alert.texts("tags") if tag.startswith(begin)), "")


def _agent(alert: Document) -> NormalDevice | None:
    """The device of Wazuh's agent. Agent 000 is the manager itself; a number means nothing without its manager."""
    if _tagged(alert, "agent_id") == "000":
        return None
    return device(_tagged(alert, "agent_name"), ip=_tagged(alert, "agent_ip"), is_edr=False)


def _pap(marked: Document, problems: Problems) -> Pap:
    sent = marked.first("pap")
    number = whole_number(sent)
    if number is not None and number in Pap.values:
        return Pap(number)
    if not is_absent(sent):
        problems.add("pap", "no PAP; AMBER is assumed")
    return Pap.AMBER
