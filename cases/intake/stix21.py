"""STIX 2.1 bundles (and 2.0): a sighting, a report, a grouping or bare indicators as one alert."""

from datetime import datetime
from typing import Any

from cases.choices import ObservableKind, Tlp
from cases.intake.base import Detector, FieldProblem, NormalAlert, NormalFlow, NormalPerson, RejectedError, detectors
from cases.intake.flows import add_ends, flow_device
from cases.intake.identities import distinct, person
from cases.intake.nightdesk_schema import tlp
from cases.intake.normalise import Problems, attack, optional_time, required_time, required_title
from cases.intake.observables import MAX_OBSERVABLES, Observables
from cases.intake.paths import Document
from cases.intake.severities import MEDIUM, Graded, of_anything
from cases.intake.stix_observables import add_observed, add_pattern, observed, read_traffic
from cases.intake.texts import one_line, reference, tags, web_link
from secops.attack import TACTICS

# What a bundle is about: the first of these kinds that it holds.
_MAIN = (
    "incident",
    "sighting",
    "report",
    "grouping",
    "indicator",
    "observed-data",
    "infrastructure",
    "malware",
    "campaign",
)
_MARKS = {
    "94868c89-83c2-464b-929b-a1a8aa3c8487": Tlp.CLEAR,
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Tlp.GREEN,
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": Tlp.AMBER,
    "939a9414-2ddd-4d32-a0cd-375ea402b003": Tlp.AMBER_STRICT,
    "e828b379-4e03-4974-9ac4-e53a884c97c1": Tlp.RED,
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,  # the four of TLP 1
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    "f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
}
_ATTACK_CHAINS = frozenset({"mitre-attack", "mitre-mobile-attack", "mitre-ics-attack"})
MAX_COUNT = 2_147_483_647


@detectors.register
class Stix21(Detector):
    """A bundle, or the envelope of a TAXII answer, which has no type of its own."""

    slug = "stix21"
    label = "STIX 2.1"
    order = 60

    @classmethod
    def reads(cls, payload: dict[str, Any]) -> bool:
        things = payload.get("objects")
        if not isinstance(things, list):
            return False
        first = things[0] if things else None
        is_typed = isinstance(first, dict) and "type" in first and "--" in str(first.get("id", ""))[:64]
        return payload.get("type") == "bundle" or is_typed

    @classmethod
    def normalise(cls, payload: dict[str, Any], received_at: datetime) -> NormalAlert:
        things, problems = Document(payload).objects("objects"), Problems()
        if not things:
            raise RejectedError(FieldProblem(field="objects", message="a bundle without objects"))
        main = _main(things)
        rule = _rule(things, main)
        graded = _severity(main)
        cyber = list(observed(things))
        flow = next((found for one, named in cyber if (found := read_traffic(one, named))), None)
        return NormalAlert(
            title=required_title(_title(main, rule), "objects.name"),
            description=_description(main, rule),
            severity=graded.severity,
            severity_raw=graded.raw[:64],
            is_severity_assumed=graded.is_assumed,
            detected_at=required_time(main, received_at, problems, "modified", "created", "last_seen", "last_observed"),
            first_seen_at=optional_time(main, received_at, "first_seen", "first_observed"),
            last_seen_at=optional_time(main, received_at, "last_seen", "last_observed"),
            source_ref=reference(main.text("id") or Document(payload).text("id")),
            rule_id=one_line(rule.text("id"), 255),
            rule_name=one_line(rule.text("name"), 255),
            confidence=_confidence(main, rule),
            count=min(max(main.number("count", "number_observed") or 1, 1), MAX_COUNT),
            status="revoked" if main.first("revoked") is True else "",
            url=next((link for one in main.values("external_references.url") if (link := web_link(one))), ""),
            attack=_attack(things),
            flow=flow,
            devices=distinct([flow_device(flow)]),
            people=_people(cyber),
            observables=_observables(things, cyber, flow, problems),
            tlp=_tlp(things),
            tags=tags(main.values("labels", "report_types", "indicator_types", "infrastructure_types")),
            problems=problems.all(),
        )


def _main(things: list[Document]) -> Document:
    by_type: dict[str, Document] = {}
    for one in things:
        by_type.setdefault(one.text("type"), one)
    named = next((one for one in things if one.text("name")), things[0])
    return next((by_type[kind] for kind in _MAIN if kind in by_type), named)


def _rule(things: list[Document], main: Document) -> Document:
    """The indicator that is meant: the subject itself, the one that was sighted, or the only one that it speaks of."""
    indicators = {one.text("id"): one for one in things if one.text("type") == "indicator"}
    if main.text("type") == "indicator":
        return main
    if sighted := indicators.get(main.text("sighting_of_ref")):
        return sighted
    meant = [indicators[name] for name in main.texts("object_refs") if name in indicators]
    return meant[0] if len(meant) == 1 else Document({})


def _title(main: Document, rule: Document) -> str:
    """Sightings and observed data have no name, and that of an indicator is optional."""
    own = main.text("name") or rule.text("name") or rule.text("pattern")
    return own or (f"STIX {main.text('type').replace('-', ' ')}" if main.text("type") else "")


def _description(main: Document, rule: Document) -> str:
    """The sender's words, with the pattern of the indicator, which says more than the values in it."""
    return "\n\n".join(filter(None, [main.text("description") or rule.text("description"), rule.text("pattern")]))


def _severity(main: Document) -> Graded:
    """STIX has none; some senders add a property of their own."""
    own = [value for key, value in main.payload.items() if key.startswith("x_") and key.endswith("severity")]
    return next((graded for value in own if (graded := of_anything(value))), Graded(MEDIUM, is_assumed=True))


def _confidence(main: Document, rule: Document) -> int | None:
    sent = main.number("confidence")
    number = rule.number("confidence") if sent is None else sent
    return number if number is not None and 0 <= number <= 100 else None


def _attack(things: list[Document]) -> tuple[tuple[str, str], ...]:
    techniques = [
        one.text("external_id")
        for thing in things
        if thing.text("type") == "attack-pattern"
        for one in thing.objects("external_references")
        if one.text("source_name") in _ATTACK_CHAINS
    ]
    tactics = [
        TACTICS.get(phase.text("phase_name").casefold(), "")
        for thing in things
        for phase in thing.objects("kill_chain_phases")
        if phase.text("kill_chain_name") in _ATTACK_CHAINS
    ]
    return attack(list(dict.fromkeys(techniques)), list(dict.fromkeys(tactics)))


def _tlp(things: list[Document]) -> int:
    """The strictest mark of any object; what nobody marked is amber."""
    marks: list[int | None] = [
        _MARKS.get(one.rpartition("--")[2]) for thing in things for one in thing.texts("object_marking_refs")
    ]
    marks += [
        tlp(one.text("definition.tlp"))
        for one in things
        if one.text("type") == "marking-definition" and one.text("definition_type") == "tlp"
    ]
    return int(max((mark for mark in marks if mark is not None), default=Tlp.AMBER))


def _people(cyber: list[tuple[Document, dict[str, Document]]]) -> tuple[NormalPerson, ...]:
    accounts = (one for one, _ in cyber if one.text("type") == "user-account")
    return distinct([person(one.text("account_login", "user_id")) for one in accounts])[:20]


def _observables(
    things: list[Document],
    cyber: list[tuple[Document, dict[str, Document]]],
    flow: NormalFlow | None,
    problems: Problems,
) -> Any:
    """Indicators first, so that what they name is one even where it was observed, too."""
    found, is_full = Observables(), False
    for thing in things:
        if thing.text("type") == "indicator" and thing.text("pattern_type") in {"", "stix"}:
            pattern, kinds = thing.text("pattern"), thing.texts("indicator_types")
            is_bad = kinds != ["benign"] and thing.first("revoked") is not True
            add_pattern(found, pattern, note=one_line(pattern), is_indicator=is_bad)
            is_full = is_full or found.is_full
    add_ends(found, flow)
    for one, named in cyber:
        add_observed(found, one, named)
        if one.text("type") == "vulnerability":
            for number in (one.text("name"), *one.texts("external_references.external_id")):
                found.add(ObservableKind.CVE, number)
        is_full = is_full or found.is_full
    if is_full:
        problems.add("objects", f"only the first {MAX_OBSERVABLES} observables are kept")
    return found.all()
