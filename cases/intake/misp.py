"""MISP events: indicators that others share, with their markings."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cases.choices import Pap, Tlp
from cases.intake.base import Detector, NormalAlert, NormalObservable, detectors
from cases.intake.misp_attributes import add_attribute, attributes, is_true
from cases.intake.nightdesk_schema import pap, tlp
from cases.intake.normalise import Problems, attack, required_time, required_title
from cases.intake.observables import MAX_OBSERVABLES, Observables
from cases.intake.paths import Document
from cases.intake.severities import HIGH, LOW, MEDIUM, Graded
from cases.intake.texts import one_line, reference, reference_from, tags

_THREAT_LEVELS = {"1": HIGH, "2": MEDIUM, "3": LOW}  # 1 is worst, 4 is undefined
_ANALYSIS = {"0": "initial", "1": "ongoing", "2": "completed"}
_TECHNIQUE = re.compile(r"(?<![A-Za-z0-9])T[0-9]{4}(?:\.[0-9]{3})?(?![0-9])")
_TAGS = ("Tag.name", "Attribute.Tag.name", "Object.Attribute.Tag.name")
_CLUSTERS = ("Galaxy.GalaxyCluster", "Attribute.Galaxy.GalaxyCluster", "Object.Attribute.Galaxy.GalaxyCluster")


@detectors.register
class Misp(Detector):
    """An event as the REST API, an export or a workflow sends it, with or without `Event` around it."""

    slug = "misp"
    label = "MISP events"
    order = 50

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        event = payload.get("Event")
        return (isinstance(event, dict) and "info" in event) or ("info" in payload and "threat_level_id" in payload)

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        inner, problems = payload.get("Event"), Problems()
        event = Document(inner if isinstance(inner, dict) else payload)
        graded = _severity(event.text("threat_level_id"))
        return NormalAlert(
            title=required_title(event.text("info"), "info"),
            description=event.text("EventReport.content"),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(event, received_at, problems, "timestamp", "publish_timestamp", "date"),
            source_ref=_reference(event),
            rule_id=one_line(event.text("Orgc.uuid", "Orgc.name"), 255),
            rule_name=one_line(event.text("Orgc.name"), 255),
            status=_ANALYSIS.get(event.text("analysis"), ""),
            attack=_attack(event),
            observables=_observables(event, problems),
            # The strictest mark holds for all, also that of one attribute: they are shown together.
            tlp=_strictest(event, "tlp:", tlp, Tlp.AMBER),
            pap=_strictest(event, "pap:", pap, Pap.AMBER),
            tags=tags(event.values("Tag.name")),
            problems=problems.all(),
        )


def _severity(level: str) -> Graded:
    known = _THREAT_LEVELS.get(level)
    return Graded(MEDIUM if known is None else known, level, is_assumed=known is None)


def _reference(event: Document) -> str:
    if sent := event.text("uuid"):
        return reference(sent)
    return reference_from(*(event.text(path) for path in ("Orgc.uuid", "Orgc.name", "id", "info", "date")))


def _strictest(event: Document, begin: str, read: Callable[[Any], int | None], unmarked: int) -> int:
    """The highest of the marks; other tags with a colon are none."""
    names = (name for name in event.texts(*_TAGS) if name.casefold().startswith(begin))
    return max((mark for name in names if (mark := read(name)) is not None), default=int(unmarked))


def _attack(event: Document) -> tuple[tuple[str, str], ...]:
    """Techniques of the galaxies, and of the tags that stand for them."""
    said = [
        text
        for cluster in event.objects(*_CLUSTERS)
        if cluster.text("type").startswith("mitre")
        for text in (*cluster.texts("meta.external_id"), cluster.text("value"))
    ]
    said += [name for name in event.texts(*_TAGS) if name.casefold().startswith("misp-galaxy:mitre")]
    return attack([found.group() for text in said for found in _TECHNIQUE.finditer(text[:300])], [])


def _observables(event: Document, problems: Problems) -> tuple[NormalObservable, ...]:
    """What the sender marks as an indicator comes first, so that it stays one where it is named twice."""
    found, is_full = Observables(), False
    for attribute in sorted(attributes(event), key=lambda one: not is_true(one.first("to_ids"))):
        add_attribute(found, attribute)
        is_full = is_full or found.is_full
    if is_full:
        problems.add("Attribute", f"only the first {MAX_OBSERVABLES} observables are kept")
    return found.all()
