"""Any readable object: title, time, severity and the rest guessed from the names that most products use."""

from datetime import datetime
from typing import Any

from cases.intake.absent import is_absent, plain
from cases.intake.base import (
    Detector,
    NormalAlert,
    NormalDevice,
    NormalFlow,
    NormalPerson,
    detectors,
)
from cases.intake.flows import add_ends, flow_device, read_flow
from cases.intake.generic_paths import (
    BYTES_IN,
    BYTES_OUT,
    DEEP_TITLES,
    DESCRIPTIONS,
    DST_IPS,
    DST_PORTS,
    HOST_ADDRESSES,
    HOST_IDS,
    HOSTS,
    LINKS,
    PROTOCOLS,
    REFERENCES,
    RULE_NAMES,
    RULES,
    SEVERITIES,
    SRC_IPS,
    SRC_PORTS,
    TARGETS,
    TECHNIQUES,
    TIMES,
    TITLES,
    USERS,
)
from cases.intake.harvest import harvest, key_words, leaves
from cases.intake.identities import device, distinct, person
from cases.intake.normalise import Problems, attack, own_time
from cases.intake.observables import MAX_OBSERVABLES, Observables
from cases.intake.paths import Document
from cases.intake.severities import MEDIUM, Graded, of_anything
from cases.intake.texts import one_line, reference_from, web_link

_TIME_WORDS = frozenset({"time", "timestamp", "date", "datetime", "created", "at"})


@detectors.register
class Generic(Detector):
    """The last of all: it takes every object and says that it guessed."""

    slug = "generic"
    label = "Any JSON"
    order = 1000

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return True

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        alert, problems = Document(payload), Problems()
        title = _title(alert)
        graded = _severity(alert)
        flow = guess_flow(alert)
        devices = guess_devices(alert, flow)
        people = guess_people(alert)
        observables = Observables()
        add_ends(observables, flow)
        harvest(observables, payload)
        if observables.is_full:
            problems.add("observables", f"only the first {MAX_OBSERVABLES} are kept")
        detected_at = _time(alert, received_at, problems)
        return NormalAlert(
            title=title,
            description=alert.text(*DESCRIPTIONS),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=True,
            detected_at=detected_at or received_at,
            source_ref=_reference(alert, title, detected_at),
            rule_id=one_line(alert.text(*RULES), 255),
            rule_name=one_line(alert.text(*RULE_NAMES), 255),
            url=next((link for value in alert.values(*LINKS) if (link := web_link(value))), ""),
            attack=attack(alert.texts(*TECHNIQUES), []),
            flow=flow,
            devices=devices,
            people=people,
            observables=observables.all(),
            is_unmapped=True,
            problems=problems.all(),
        )


def guess_flow(alert: Document) -> NormalFlow | None:
    """The flow at the usual paths."""
    return read_flow(
        alert,
        src_ip=SRC_IPS,
        src_port=SRC_PORTS,
        dst_ip=DST_IPS,
        dst_port=DST_PORTS,
        proto=PROTOCOLS,
        bytes_out=BYTES_OUT,
        bytes_in=BYTES_IN,
    )


def guess_devices(alert: Document, flow: NormalFlow | None) -> tuple[NormalDevice, ...]:
    """The named host, or the inner end of the flow."""
    named = device(
        alert.text(*HOSTS),
        agent_id=alert.text(*HOST_IDS),
        ip=alert.text(*HOST_ADDRESSES),
        mac_address=alert.text("MACAddress", "mac", "host.mac", "smac"),
        os=alert.text("host.os.name", "os", "os.name", "device_os"),
    )
    return distinct([named or flow_device(flow)])


def guess_people(alert: Document) -> tuple[NormalPerson, ...]:
    actors = [person(name, domain=alert.text("user.domain")) for name in alert.texts(*USERS)]
    targets = [person(name, role="target") for name in alert.texts(*TARGETS)]
    return distinct([*actors, *targets])[:20]


def _title(alert: Document) -> str:
    for path in TITLES:
        if title := one_line(alert.text(path)):
            return title
    named = {key.casefold(): value for key, value in reversed(list(leaves(alert.payload))) if isinstance(value, str)}
    for key in DEEP_TITLES:
        if title := one_line(plain(named.get(key))):
            return title
    keys = [key for key, value in alert.payload.items() if not is_absent(value)]
    return one_line(f"Alert without a title ({', '.join(keys[:6])})" if keys else "Empty alert")


def _severity(alert: Document) -> Graded:
    for path in SEVERITIES:
        for value in alert.values(path):
            if graded := of_anything(value):
                return graded
    return Graded(MEDIUM, "", is_assumed=True)


def _time(alert: Document, received_at: datetime, problems: Problems) -> datetime | None:
    """The first usual path with a time, else the first key that sounds like one."""
    for path in TIMES:
        if moment := own_time(alert.first(path), path, received_at, problems):
            return moment
    for key, value in leaves(alert.payload):
        if key_words(key) & _TIME_WORDS and (moment := own_time(value, key, received_at, problems)):
            return moment
    problems.add("detected_at", "no time can be read; the time of receipt is used")
    return None


def _reference(alert: Document, title: str, detected_at: datetime | None) -> str:
    """An id alone may be that of a rule or a device, so it never stands alone; without one the texts decide."""
    moment = detected_at.isoformat() if detected_at else ""
    if sent := alert.text(*REFERENCES):
        return reference_from(sent, moment, title)
    ends = (alert.text(*SRC_IPS), alert.text(*DST_IPS), alert.text(*SRC_PORTS), alert.text(*HOSTS), alert.text(*USERS))
    if moment and any(ends):
        return reference_from(moment, title, alert.text("message", "uid"), alert.text(*RULES), *ends)
    return reference_from(alert.payload)
