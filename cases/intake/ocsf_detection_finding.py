"""OCSF findings of every class from 2001 to 2999, whichever product wrote them and in which version of the schema."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, Pap, Tlp
from cases.intake.attack_names import attack_pair
from cases.intake.base import Detector, IgnoredError, NormalAlert, detectors
from cases.intake.flows import flow_device
from cases.intake.identities import distinct
from cases.intake.normalise import (
    MAX_TECHNIQUES,
    Problems,
    optional_link,
    optional_percent,
    optional_time,
    required_time,
    required_title,
)
from cases.intake.ocsf_observables import read_ocsf_observables
from cases.intake.ocsf_parts import read_ocsf_devices, read_ocsf_flow, read_ocsf_people
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, INFO, MEDIUM, WORDS, Graded, of_check, of_word
from cases.intake.texts import one_line, reference, reference_from, tags

_INFOS = ("finding_info", "finding", "finding_info_list")
_FINDINGS = range(2000, 3000)
_DISPOSITIONS = {
    1: AlertAction.ALLOWED,
    2: AlertAction.BLOCKED,
    3: AlertAction.QUARANTINED,
    6: AlertAction.BLOCKED,  # dropped
    15: AlertAction.DETECTED,
}
_ACTIONS = {1: AlertAction.ALLOWED, 2: AlertAction.BLOCKED}
_TLP = {"clear": Tlp.CLEAR, "white": Tlp.CLEAR, "green": Tlp.GREEN, "amber": Tlp.AMBER, "red": Tlp.RED} | {
    "amber+strict": Tlp.AMBER_STRICT
}
_PAP = {"clear": Pap.CLEAR, "white": Pap.CLEAR, "green": Pap.GREEN, "amber": Pap.AMBER, "red": Pap.RED}


@detectors.register
class OCSFFinding(Detector):
    """One finding; the deprecated Security Finding (2001) has `finding` where the later ones have `finding_info`."""

    slug = "ocsf-detection-finding"
    label = "OCSF findings"
    order = 30

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return "class_uid" in payload and "metadata" in payload

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        event, problems = Document(payload), Problems()
        number = event.number("class_uid")
        if number is not None and number not in _FINDINGS:
            named = one_line(event.text("class_name"), 60) or f"class {number}"
            raise IgnoredError(f"An OCSF record of {named} is no finding.")
        name, info = _info(event)
        graded = of_check(_severity(event), event.text("status_code"))
        title = info.text("title") or event.text("message", "desc")
        rule = info.text("analytic.uid", "analytic.name") or event.text("metadata.event_code")
        flow = read_ocsf_flow(event)
        labels = event.texts("metadata.labels")
        return NormalAlert(
            title=required_title(title, "finding_info.title"),
            description=info.text("desc") or event.text("message", "status_detail"),
            severity=graded.severity,
            severity_raw=graded.raw,
            is_severity_assumed=graded.is_assumed,
            confidence=optional_percent(event, problems, "confidence_score"),
            risk_score=optional_percent(event, problems, "risk_score"),
            detected_at=required_time(
                event, received_at, problems, "time", "time_dt", f"{name}.created_time", f"{name}.created_time_dt"
            ),
            first_seen_at=optional_time(info, received_at, "first_seen_time", "first_seen_time_dt"),
            last_seen_at=optional_time(info, received_at, "last_seen_time", "last_seen_time_dt"),
            count=max(event.number("count") or 1, 1),
            source_ref=_reference(event, info, rule),
            rule_id=one_line(rule or title, 255),
            rule_name=one_line(info.text("analytic.name") or title, 255),
            rule_version=info.text("analytic.version")[:64],
            action=_action(event),
            status=event.text("status", "status_id")[:64],
            url=optional_link(info, problems, "src_url"),
            attack=_attack(event, info),
            tlp=_level(labels, "tlp:", _TLP, Tlp.AMBER),
            pap=_level(labels, "pap:", _PAP, Pap.AMBER),
            flow=flow,
            devices=read_ocsf_devices(event) or distinct([flow_device(flow)]),
            people=read_ocsf_people(event),
            observables=read_ocsf_observables(event, flow),
            tags=_tags(event, info, labels),
            problems=problems.all(),
        )


def _info(event: Document) -> tuple[str, Document]:
    """Where the finding's own part stands, and that part; an incident (2005) has a list, of which the first counts."""
    name = next((name for name in _INFOS if event.objects(name)), _INFOS[0])
    return name, event.part(name)


def _severity(event: Document) -> Graded:
    """1 informational to 5 critical and 6 fatal; 0 and 99 say nothing, a word alone may."""
    word = event.text("severity")
    number = event.number("severity_id")
    if number is None and word:
        return of_word(word, WORDS)
    if number is None or not 1 <= number <= 6:
        return Graded(MEDIUM, word[:64] or event.text("severity_id")[:64], is_assumed=True)
    return Graded(min(max(number - 1, INFO), CRITICAL), word[:64] or str(number))


def _reference(event: Document, info: Document, rule: str) -> str:
    """The finding's own id; `<uid>` is a template that nobody filled in."""
    sent = info.text("uid") or event.text("metadata.uid")
    if sent and not (sent.startswith("<") and sent.endswith(">")):
        return reference(sent)
    named = (
        "class_uid",
        "time",
        "time_dt",
        "metadata.product.name",
        "cloud.account.uid",
        "resources.uid",
        "device.uid",
    )
    return reference_from(rule, info.text("title"), *(event.text(path) for path in named))


def _action(event: Document) -> str:
    found = _DISPOSITIONS.get(event.number("disposition_id", "evidences.disposition_id") or 0)
    return str(found or _ACTIONS.get(event.number("action_id") or 0, AlertAction.UNKNOWN))


def _attack(event: Document, info: Document) -> tuple[tuple[str, str], ...]:
    """Each entry with its own tactic; a sub-technique says more than the technique beside it."""
    found: list[tuple[str, str]] = []
    for one in (*info.objects("attacks"), *event.objects("attacks")):
        technique = one.text("sub_technique.uid", "technique.uid", "sub_technique.name", "technique.name")
        tactics = one.texts("tactic.uid", "tactics.uid") or one.texts("tactic.name", "tactics.name") or [""]
        found += [pair for tactic in tactics for pair in attack_pair(technique, tactic)]
    return tuple(dict.fromkeys(found))[:MAX_TECHNIQUES]


def _level(labels: list[str], begin: str, levels: dict[str, Any], usual: int) -> int:
    """The strictest marking among the labels, else amber."""
    words = (label.casefold().removeprefix(begin).strip() for label in labels if label.casefold().startswith(begin))
    found = [int(levels[word]) for word in words if word in levels]
    return max(found, default=int(usual))


def _tags(event: Document, info: Document, labels: list[str]) -> tuple[str, ...]:
    """Types, labels, how a check ended (PASS, FAIL), the product, and where in the cloud it is."""
    places = {"account": event.text("cloud.account.uid"), "region": event.text("cloud.region", "resources.region")}
    return tags(
        [
            *info.texts("types"),
            *labels,
            event.text("status_code"),
            event.text("metadata.product.name"),
            *(f"{name}:{value}" for name, value in places.items() if value and not value.startswith("<")),
        ]
    )
