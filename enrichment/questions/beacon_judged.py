"""Does the regular traffic mean harm, given who else goes there, which program does it and what others say?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.beacon import Beacon, Surroundings, judge_beacon
from secops.connectors.capabilities.places import Reputation

type Findings = list[Mapping[str, Any]]
LABELS = {"malicious": "Beacon", "suspicious": "Beacon", "benign": "Normal", "informational": "Regular"}
WORST_FIRST = list(LABELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A measured beacon, who else goes to its peer, and the names that the peer had there."""

    beacon: Beacon
    talkers: list[str]
    names: list[str]


@questions.register
class BeaconJudged(Question):
    """Regular is not malicious: prevalence and signer together discount, a conviction by others decides.

    Every regular peer is judged by what is known of that peer, and the worst speaks: an updater hides no beacon.
    """

    slug = "beacon_judged"
    label = "Does the pattern mean harm?"
    card = Card.TRAFFIC
    subject = SubjectKind.CASE
    capability = ""
    order = 5

    def weigh(self, findings: Findings, subject: Subject) -> Judgement | None:
        patterns = [found for one in _of(findings, "traffic_pattern") if (found := _pattern(one["data"]))]
        judged = [(judge_beacon(one.beacon, _around(findings, one)), one.beacon) for one in patterns]
        if not judged:
            return None
        worst, beacon = min(judged, key=lambda one: (WORST_FIRST.index(one[0].verdict), -one[1].connections))
        points = {"malicious": 30, "suspicious": 20, "benign": -10}.get(worst.verdict, 0)
        return Judgement(
            verdict=Verdict(worst.verdict),
            label=LABELS[worst.verdict],
            headline=f"{worst.headline}.",
            facts=[
                Fact(label="Because" if not index else "", value=one.text) for index, one in enumerate(worst.signals)
            ],
            points=[Points(points=points, text="beacon" if points > 0 else "ordinary updater")] if points else [],
            data={"verdict": worst.verdict, "peer": beacon.peer, "period": beacon.period},
        )


def _of(findings: Findings, *slugs: str, about: list[str] | None = None) -> Findings:
    """Answers to these questions; with `about` only those whose subject is one of these values."""
    answered = [one for one in findings if one["question"] in slugs and one["status"] == "answered"]
    return [one for one in answered if about is None or one["subject"] in about]


def _pattern(data: Mapping[str, Any]) -> Pattern | None:
    if not data.get("is_regular"):
        return None
    plain = {name: value for name, value in data.items() if name not in ("talkers", "names")}
    plain |= {name: datetime.fromisoformat(data[name]) for name in ("first_at", "last_at")}
    return Pattern(beacon=Beacon(**plain), talkers=data.get("talkers", []), names=data.get("names", []))


def _around(findings: Findings, pattern: Pattern) -> Surroundings:
    programs = [one["data"] for one in _of(findings, "connecting_program", about=[pattern.beacon.peer])]
    program = next((one for one in programs if one["is_signed"] is False), programs[0] if programs else {})
    names = pattern.names or None  # a source that logs no names leaves all domains of the case
    domains = _of(findings, "domain_reputation", about=names)
    reports = [one["data"] for one in [*_of(findings, "address_reputation", about=[pattern.beacon.peer]), *domains]]
    ages = [one["data"]["days_old"] for one in _of(findings, "domain_registration", about=names)]
    return Surroundings(
        devices=len(pattern.talkers) or None,
        is_signed=program.get("is_signed"),
        signer=program.get("signer", ""),
        process=program.get("image", ""),
        reputation=_worst([one for one in reports if one["checked"]]),
        registered_days_ago=min((days for days in ages if days is not None), default=None),
    )


def _worst(reports: list[Mapping[str, Any]]) -> Reputation | None:
    worst = max(reports, key=lambda one: int(one["malicious"]), default=None)
    if worst is None:
        return None
    return Reputation(malicious=worst["malicious"], checked=worst["checked"], families=list(worst["families"]))
