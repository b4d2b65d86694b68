"""Hits of Sigma rules over event logs, as hayabusa and chainsaw write them."""

from datetime import datetime
from typing import Any

from cases.intake.base import Detector, FieldProblem, NormalAlert, NormalFlow, RejectedError, detectors
from cases.intake.flows import add_ends
from cases.intake.generic import guess_devices, guess_flow, guess_people
from cases.intake.harvest import harvest
from cases.intake.identities import distinct
from cases.intake.normalise import Problems, attack, own_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.severities import CRITICAL, HIGH, INFO, LOW, MEDIUM, Graded
from cases.intake.sigma_parts import Hit, is_chainsaw, is_hayabusa, read_chainsaw, read_hayabusa
from cases.intake.texts import one_line, reference_from, tags, web_link
from cases.intake.windows_observables import read_device, read_people, read_record_flow, read_record_observables

_LEVELS = {
    "informational": INFO,
    "info": INFO,
    "low": LOW,
    "medium": MEDIUM,
    "med": MEDIUM,
    "high": HIGH,
    "critical": CRITICAL,
    "crit": CRITICAL,
    "emergency": CRITICAL,
    "emer": CRITICAL,
}


@detectors.register
class SigmaHits(Detector):
    """The time is that of the event: neither tool says when it looked."""

    slug = "sigma-hits"
    label = "Sigma hits (hayabusa, chainsaw)"
    order = 260

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return is_hayabusa(payload) or is_chainsaw(payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        hit, problems = read_chainsaw(payload) if is_chainsaw(payload) else read_hayabusa(payload), Problems()
        detected_at = own_time(hit.time, hit.time_path, received_at, problems)
        if detected_at is None:
            raise RejectedError(FieldProblem(field=hit.time_path, message="a time is required and none can be read"))
        graded = _severity(hit.level)
        others = [Document(data) for data in hit.others]
        flows = [*map(read_record_flow, hit.records), *map(guess_flow, others)]
        known = [(record, flow) for record, flow in zip(hit.records, flows, strict=False)]
        guessed = list(zip(others, flows[len(known) :], strict=True))
        return NormalAlert(
            title=required_title(hit.title, hit.title_path),
            description=hit.description,
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=detected_at,
            source_ref=_reference(hit),
            count=hit.count,
            rule_id=one_line(hit.rule_id or hit.title, 255),
            rule_name=one_line(hit.title, 255),
            rule_url=next((link for value in hit.links if (link := web_link(value))), ""),
            attack=attack(list(dict.fromkeys(hit.techniques)), list(dict.fromkeys(hit.tactics))),
            flow=next((flow for flow in flows if flow), None),
            devices=distinct(
                [
                    *(read_device(record, flow) for record, flow in known),
                    *(one for other, flow in guessed for one in guess_devices(other, flow)),
                ]
            ),
            people=distinct(
                [
                    *(one for record in hit.records for one in read_people(record)),
                    *(one for other in others for one in guess_people(other)),
                ]
            ),
            observables=_observables(hit, flows),
            tags=tags(hit.tags),
            problems=problems.all(),
        )


def _severity(level: str) -> Graded:
    known = _LEVELS.get(level.casefold())
    return Graded(MEDIUM if known is None else known, level, is_assumed=known is None)


def _reference(hit: Hit) -> str:
    """The rule and the event that it hit; an event without a number is known by its own values."""
    first = hit.records[0] if hit.records else None
    event = [first.computer, first.channel, first.record_id] if first else []
    values = (
        {} if first and first.record_id else {key: str(value) for key, value in (first.data if first else {}).items()}
    )
    return reference_from(hit.rule_id or hit.title, str(hit.time), event, values, hit.others[:1], hit.count)


def _observables(hit: Hit, flows: list[NormalFlow | None]) -> Any:
    found = Observables()
    for record, flow in zip(hit.records, flows, strict=False):
        for one in read_record_observables(record, flow):
            found.add(one.kind, one.value, one.role, tags=one.tags, note=one.note)
    for data, flow in zip(hit.others, flows[len(hit.records) :], strict=True):
        add_ends(found, flow)
        harvest(found, data)
    return found.all()
