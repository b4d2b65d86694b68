"""Incidents of Microsoft Sentinel, as its API lists them and as its automation sends them in `object`."""

from datetime import datetime
from typing import Any

from cases.intake.absent import plain
from cases.intake.attack_names import attack_words
from cases.intake.base import Detector, NormalAlert, NormalPerson, detectors
from cases.intake.identities import add_people, distinct
from cases.intake.normalise import Problems, optional_link, optional_time, required_time, required_title
from cases.intake.observables import Observables
from cases.intake.paths import Document
from cases.intake.sentinel_entities import add_entity, entity_device, entity_person, read_entities
from cases.intake.severities import of_graph
from cases.intake.texts import MAX_NAME, one_line, reference, reference_from, tags

_TYPE = "microsoft.securityinsights/incidents"


@detectors.register
class SentinelIncident(Detector):
    """One incident; `value[]` is unwrapped before. Its entities come from a second call: where a sender has put them
    into the incident (`relatedEntities`), they are read. The owner is who works on it and not who is in it."""

    slug = "sentinel-incident"
    label = "Microsoft Sentinel incidents"
    order = 100

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        return _incident(payload) is not None

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        incident, problems = Document(_incident(payload) or payload), Problems()
        graded = of_graph(incident.text("properties.severity"))
        entities = read_entities(incident)
        people: tuple[NormalPerson, ...] = distinct([entity_person(one) for one in entities])
        found = Observables()
        for one in entities:
            add_entity(found, one)
        add_people(found, people)
        rules = incident.texts("properties.relatedAnalyticRuleIds")
        return NormalAlert(
            title=required_title(incident.text("properties.title"), "properties.title"),
            description=incident.text("properties.description"),
            severity=graded.severity,
            severity_raw=one_line(graded.raw, 64),
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(incident, received_at, problems, "properties.createdTimeUtc"),
            first_seen_at=optional_time(incident, received_at, "properties.firstActivityTimeUtc"),
            last_seen_at=optional_time(incident, received_at, "properties.lastActivityTimeUtc"),
            source_ref=_reference(incident),
            rule_id=_rule(rules[0]) if rules else "",
            status=incident.text("properties.status")[:64],
            url=optional_link(incident, problems, "properties.incidentUrl"),
            attack=attack_words(
                incident.texts("properties.additionalData.techniques"),
                incident.texts("properties.additionalData.tactics"),
            ),
            devices=distinct([entity_device(one) for one in entities]),
            people=people,
            observables=found.all(),
            tags=tags(
                incident.values("properties.labels.labelName", "properties.additionalData.alertProductNames"),
            ),
            problems=problems.all(),
        )


def _incident(payload: dict[str, Any]) -> dict[str, Any] | None:
    """The payload or what it holds in `object`, whichever is an incident."""
    for one in (payload, payload.get("object")):
        if isinstance(one, dict) and plain(one.get("type")).casefold() == _TYPE:
            return one
    return None


def _rule(path: str) -> str:
    """The rule's whole path, or its last part where that is too long to be kept whole."""
    return path if len(path) <= MAX_NAME else path.rpartition("/")[2][:MAX_NAME]


def _reference(incident: Document) -> str:
    """The incident's own name; its number counts for one workspace only."""
    if sent := incident.text("name") or incident.text("id"):
        return reference(sent)
    paths = ("properties.createdTimeUtc", "properties.title", "properties.incidentNumber")
    return reference_from(*(incident.text(path) for path in paths))
