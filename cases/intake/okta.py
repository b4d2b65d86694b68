"""Okta system log events; some exporters write every key in lower case."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, ObservableKind, Role
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalPerson, detectors
from cases.intake.flows import add_ends, read_flow
from cases.intake.identities import device, distinct, person
from cases.intake.normalise import Problems, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document, key_names
from cases.intake.severities import HIGH, INFO, MEDIUM, of_word
from cases.intake.texts import one_line, reference, reference_from, tags

_KEYS = frozenset({"eventtype", "actor", "published"})
_SCALE = {"debug": INFO, "info": INFO, "warn": MEDIUM, "error": HIGH}
_DECISIONS = {"ALLOW": AlertAction.ALLOWED, "DENY": AlertAction.BLOCKED}
_RESULTS = {**_DECISIONS, "SUCCESS": AlertAction.ALLOWED, "FAILURE": AlertAction.BLOCKED}
_SIGN_IN = ("user.session.", "user.authentication.")


@detectors.register
class Okta(Detector):
    """One event of the system log; each that is sent is taken as an alert."""

    slug = "okta"
    label = "Okta"
    order = 190

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return ("actor" in payload or "Actor" in payload) and key_names(payload) >= _KEYS

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        event, problems = Document(payload), Problems()
        graded = of_word(event.text("severity"), _SCALE)
        kind, message = event.text("eventType"), event.text("displayMessage")
        flow = read_flow(event, src_ip=("client.ipAddress",), dst_ip=("",))
        found = Observables()
        add_ends(found, flow)
        _add_observables(found, event)
        return NormalAlert(
            title=required_title(message or kind, "displayMessage"),
            description=event.text("outcome.reason"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(event, received_at, problems, "published"),
            source_ref=_reference(event),
            rule_id=one_line(kind, 255),
            rule_name=one_line(message or kind, 255),
            action=_action(event, kind),
            flow=flow,
            devices=distinct([_device(event)]),
            people=_people(event),
            observables=found.all(),
            tags=_tags(event),
            problems=problems.all(),
        )


def _reference(event: Document) -> str:
    if sent := event.text("uuid"):
        return reference(sent)
    named = ("published", "eventType", "actor.id", "transaction.id", "client.ipAddress", "target.id")
    return reference_from(*(event.text(path) for path in named))


def _action(event: Document, kind: str) -> str:
    """A policy's decision, or how a sign-in ended; that other events succeed says nothing of a defence."""
    words = _RESULTS if kind.startswith(_SIGN_IN) else _DECISIONS
    return str(words.get(event.text("outcome.result").upper(), AlertAction.UNKNOWN))


def _device(event: Document) -> NormalDevice | None:
    """The registered device; without one only the address, for `client.device` says Computer or Mobile."""
    return device(
        event.text("device.name"),
        agent_id=event.text("device.id"),
        is_edr=False,
        ip=event.text("client.ipAddress"),
        os=event.text("device.os_platform", "client.userAgent.os"),
    )


def _people(event: Document) -> tuple[NormalPerson, ...]:
    """Users only: an actor may be the system or an application. Okta's own id is no id of the house's directory."""
    actors = _users(event, "actor")
    targets = [name for name in _users(event, "target") if name not in actors]
    return distinct([*map(person, actors), *(person(name, role="target") for name in targets)])


def _users(event: Document, path: str) -> list[str]:
    return [one.text("alternateId") for one in event.objects(path) if one.text("type").casefold() == "user"]


def _add_observables(found: Observables, event: Document) -> None:
    """The client of the event is one address, that of the activity which a user reports is another."""
    reported = event.text("debugContext.debugData.suspiciousActivityEventIp")
    found.add(ObservableKind.IP, reported, Role.SOURCE, tags=("suspicious",), note="address of the reported activity")
    for hop in event.texts("request.ipChain.ip"):
        found.add(ObservableKind.IP, hop, Role.SOURCE, note="on the way of the request")
    found.add(ObservableKind.ASN, event.text("securityContext.asNumber"), Role.SOURCE)
    found.add(ObservableKind.USER_AGENT, event.text("client.userAgent.rawUserAgent"), Role.SOURCE)
    for name in (*_users(event, "actor"), *_users(event, "target")):
        found.add(ObservableKind.USER, name, Role.ACCOUNT)


def _tags(event: Document) -> tuple[str, ...]:
    facts = {
        "proxy": event.text("securityContext.isProxy"),
        "threat-suspected": event.text("debugContext.debugData.threatSuspected"),
    }
    applications = [one.text("displayName") for one in event.objects("target") if one.text("type") == "AppInstance"]
    return tags([*(name for name, value in facts.items() if value.casefold() == "true"), *applications])
