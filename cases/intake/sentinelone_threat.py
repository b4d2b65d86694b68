"""Threats of SentinelOne, as the management console's API gives them."""

from datetime import datetime
from typing import Any

from cases.choices import AlertAction, ObservableKind, Role
from cases.intake.attack_names import attack_pair
from cases.intake.base import Detector, NormalAlert, NormalDevice, NormalObservable, NormalPerson, detectors
from cases.intake.files import add_file
from cases.intake.identities import add_people, device, distinct, person
from cases.intake.networks import own_address
from cases.intake.normalise import MAX_TECHNIQUES, Problems, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, HIGH, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags

_CONFIDENCES = {"suspicious": MEDIUM, "malicious": HIGH}
_OPEN = frozenset({"not_mitigated", "not mitigated", "active"})


@detectors.register
class SentinelOneThreat(Detector):
    """One threat; `data[]` is unwrapped before. `agentRealtimeInfo` is how the device is now, `agentDetectionInfo`
    how it was, and may say nothing."""

    slug = "sentinelone-threat"
    label = "SentinelOne threats"
    order = 140

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return isinstance(payload.get("threatInfo"), dict) and "agentRealtimeInfo" in payload

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        threat, problems = Document(payload), Problems()
        state = threat.text("threatInfo.mitigationStatus")
        graded = of_sentinelone(threat.text("threatInfo.confidenceLevel"), is_open=state.casefold() in _OPEN)
        classification, detection = threat.text("threatInfo.classification"), threat.text("threatInfo.detectionType")
        people = _people(threat)
        return NormalAlert(
            title=required_title(threat.text("threatInfo.threatName"), "threatInfo.threatName"),
            description="\n".join(threat.texts("indicators.description")),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(
                threat, received_at, problems, "threatInfo.identifiedAt", "threatInfo.createdAt", "createdAt"
            ),
            source_ref=_reference(threat),
            rule_id=one_line(classification or detection, 255),
            rule_name=one_line(", ".join(word for word in (classification, detection) if word), 255),
            action=str(_action(threat, state)),
            status=threat.text("threatInfo.incidentStatus")[:64],
            attack=_attack(threat),
            devices=distinct([_device(threat)]),
            people=people,
            observables=_observables(threat, people),
            tags=tags([*threat.values("threatInfo.engines"), *threat.values("indicators.category")]),
            problems=problems.all(),
        )


def of_sentinelone(confidence: str, *, is_open: bool) -> Graded:
    """The confidence is the only grade of a threat; a malicious one that was not stopped is critical."""
    known = _CONFIDENCES.get(confidence.casefold())
    if known == HIGH and is_open:
        known = CRITICAL
    return Graded(MEDIUM if known is None else known, confidence, is_assumed=known is None)


def _reference(threat: Document) -> str:
    if sent := threat.text("id", "threatInfo.threatId"):
        return reference(sent)
    paths = ("threatInfo.identifiedAt", "threatInfo.threatName", "agentRealtimeInfo.agentUuid", "threatInfo.sha1")
    return reference_from(*(threat.text(path) for path in paths))


def _action(threat: Document, state: str) -> AlertAction:
    """The strongest thing that was done with success."""
    done = {
        step.text("action").casefold()
        for step in threat.objects("mitigationStatus")
        if step.text("status").casefold() == "success"
    }
    if "quarantine" in done:
        return AlertAction.QUARANTINED
    if done or state.casefold() == "mitigated":
        return AlertAction.BLOCKED
    return AlertAction.DETECTED if state else AlertAction.UNKNOWN


def _device(threat: Document) -> NormalDevice | None:
    then = threat.text("agentDetectionInfo.agentIpV4").split(",")
    address = own_address(then) or own_address(threat.texts("agentRealtimeInfo.networkInterfaces.inet"))
    return device(
        threat.text("agentRealtimeInfo.agentComputerName"),
        domain=threat.text("agentDetectionInfo.agentDomain", "agentRealtimeInfo.agentDomain"),
        agent_id=threat.text("agentRealtimeInfo.agentUuid", "agentDetectionInfo.agentUuid")
        or threat.text("agentRealtimeInfo.agentId"),
        is_edr=False,
        mac_address=_mac(threat, address),
        ip=address,
        os=threat.text("agentDetectionInfo.agentOsName", "agentRealtimeInfo.agentOsName"),
    )


def _mac(threat: Document, address: str) -> str:
    """That of the interface which has the address, else the first."""
    interfaces = threat.objects("agentRealtimeInfo.networkInterfaces")
    own = [each for each in interfaces if address and address in each.texts("inet", "inet6")]
    return next((text for each in (*own, *interfaces) if (text := each.text("physical"))), "")


def _people(threat: Document) -> tuple[NormalPerson, ...]:
    """Whose process it was, and who was signed in; who wrote to the console is somebody else."""
    return distinct(
        [
            person(threat.text("threatInfo.processUser")),
            person(
                threat.text("agentDetectionInfo.agentLastLoggedInUserName"),
                upn=threat.text("agentDetectionInfo.agentLastLoggedInUpn"),
                role="logged_on",
            ),
        ]
    )


def _observables(threat: Document, people: tuple[NormalPerson, ...]) -> tuple[NormalObservable, ...]:
    found = Observables()
    digests = threat.texts("threatInfo.sha256", "threatInfo.sha1", "threatInfo.md5")
    add_file(found, name=threat.text("threatInfo.filePath"), digests=digests)
    found.add(ObservableKind.PROCESS, threat.text("threatInfo.originatorProcess"), Role.PROCESS)
    found.add(ObservableKind.COMMAND_LINE, threat.text("threatInfo.maliciousProcessArguments"), Role.PROCESS)
    add_people(found, people)
    return found.all()


def _attack(threat: Document) -> tuple[tuple[str, str], ...]:
    """Techniques stand under their tactic, by id or by name."""
    pairs: list[tuple[str, str]] = []
    for tactic in threat.objects("indicators.tactics"):
        ground = tactic.text("name")
        under = [pair for name in tactic.texts("techniques.name") for pair in attack_pair(name, ground)]
        pairs += under or attack_pair("", ground)
    return tuple(dict.fromkeys(pairs))[:MAX_TECHNIQUES]
