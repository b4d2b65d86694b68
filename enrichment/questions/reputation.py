"""Is the address, the domain or the file known to be bad?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Pivot, Points, Question, Subject, questions
from secops.connectors.capabilities.places import Reputation, Reputations

CONVICTING = 3  # engines; one or two are often wrong
MOST_RELATED = 3


class KnownBad(Question):
    """What others say of the value; few engines are a suspicion, not a verdict."""

    capability = "reputation"
    order = 10
    bucket = timedelta(hours=12)
    leaves_house = True

    def ask(self, connector: Reputations, subject: Subject) -> Judgement | None:
        report = connector.reputation(subject.value_kind, subject.value)
        if report is None:
            return None
        verdict = verdict_of(report)
        return Judgement(
            verdict=verdict,
            label="" if verdict == Verdict.INFORMATIONAL else verdict.label,
            headline=_headline(report, report.name or subject.value),
            facts=_facts(report),
            points=self.points(report, verdict),
            pivots=_related(report) if verdict == Verdict.MALICIOUS else [],
            data={
                "malicious": report.malicious,
                "checked": report.checked,
                "families": report.families,
                "tactics": report.tactics,
                "techniques": report.techniques,
                "behaviours": report.behaviours,
                "related": report.related,
            },
            as_of=report.as_of,
            observable_verdicts={subject.value: verdict} if verdict != Verdict.INFORMATIONAL else {},
        )

    def points(self, report: Reputation, verdict: Verdict) -> list[Points]:
        """A conviction weighs whatever was asked about; being called harmless counts for the target only."""
        if verdict == Verdict.MALICIOUS:
            family = f": {report.families[0]}" if report.families else ""
            return [Points(points=35, text=f"known bad{family}")]
        if verdict == Verdict.SUSPICIOUS:
            return [Points(points=12, text="a few engines suspect it")]
        is_target = self.subject in (SubjectKind.ADDRESS, SubjectKind.DOMAIN)
        return [Points(points=-5, text="called harmless")] if is_target and verdict == Verdict.BENIGN else []


def verdict_of(report: Reputation) -> Verdict:
    """Silence of all engines about an unknown value is no acquittal: benign needs somebody who calls it harmless."""
    if report.malicious >= CONVICTING:
        return Verdict.MALICIOUS
    if report.malicious or report.suspicious:
        return Verdict.SUSPICIOUS
    return Verdict.BENIGN if report.harmless >= CONVICTING else Verdict.INFORMATIONAL


def _headline(report: Reputation, name: str) -> str:
    if not report.checked:
        return f"No engine has an opinion on {name}."
    if not report.malicious:
        return f"None of {report.checked} engines calls {name} malicious."
    family = f", known as {', '.join(report.families)}" if report.families else ""
    call = "calls" if report.malicious == 1 else "call"
    return f"{report.malicious} of {report.checked} engines {call} {name} malicious{family}."


def _facts(report: Reputation) -> list[Fact]:
    known = [
        ("Engines", f"{report.malicious} of {report.checked} malicious, {report.suspicious} suspicious"),
        ("Family", ", ".join(report.families)),
        ("Tactics", ", ".join(report.tactics)),
        ("Techniques", ", ".join(report.techniques)),
        ("Signer", report.signer),
        ("Sandbox", "; ".join(report.behaviours[:4])),
        ("First seen", f"{report.first_seen_at:%d %b %Y}" if report.first_seen_at else ""),
    ]
    return [Fact(label=label, value=value) for label, value in known if value]


def _related(report: Reputation) -> list[Pivot]:
    """Related files become observables of the case; other relations are read, not followed."""
    return [
        Pivot(kind=one["kind"], value=one["value"], role="file")
        for one in report.related
        if one.get("kind", "").startswith("hash_")
    ][:MOST_RELATED]


@questions.register
class AddressReputation(KnownBad):
    slug = "address_reputation"
    label = "Is the address known to be bad?"
    card = Card.WHERE
    subject = SubjectKind.ADDRESS


@questions.register
class DomainReputation(KnownBad):
    slug = "domain_reputation"
    label = "Is the domain known to be bad?"
    card = Card.WHERE
    subject = SubjectKind.DOMAIN


@questions.register
class FileReputation(KnownBad):
    slug = "file_reputation"
    label = "Is the file known, and what does it do?"
    card = Card.FILES
    subject = SubjectKind.HASH
