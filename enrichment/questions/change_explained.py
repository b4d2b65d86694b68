"""Does a patch or an installation explain the change of the registry?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from secops.connectors.capabilities.devices import Change, Changes

NEAR = timedelta(minutes=30)
PAST = timedelta(hours=72)
EXPLAINING = frozenset({"patch", "install"})


@questions.register
class ChangeExplained(Question):
    """Only what was installed close before explains it; an installation hours earlier is named and does not."""

    slug = "change_explained"
    label = "Does a patch or an installation explain it?"
    card = Card.CHANGES
    subject = SubjectKind.REGISTRY
    capability = "changes"
    order = 5

    def ask(self, connector: Changes, subject: Subject) -> Judgement | None:
        found = connector.changes(subject.host, subject.at - PAST, subject.at + timedelta(minutes=10))
        if not found:
            return None
        installed = [one for one in found if one.kind in EXPLAINING]
        near = [one for one in installed if subject.at - NEAR <= one.at <= subject.at + timedelta(minutes=5)]
        solid = [one for one in near if one.kind == "patch" or one.signer]
        if near and not solid:
            return _beside(near, subject)
        near = solid
        return Judgement(
            verdict=Verdict.BENIGN if near else Verdict.SUSPICIOUS,
            label="Explained" if near else "Not explained",
            headline=_headline(near, installed, subject),
            facts=[Fact(label=f"{one.at:%d %b %H:%M} UTC", value=one.text) for one in (near or installed)[:4]],
            points=[Points(points=-15, text=f"explained by a {near[0].kind}")]
            if near
            else [Points(points=10, text="no patch or installation explains it")],
            data={
                "is_explained": bool(near),
                "by": near[0].text if near else "",
                "last_before_hours": _hours(installed, subject),
            },
        )


def _beside(near: list[Change], subject: Subject) -> Judgement:
    """An installer that nobody is known to have signed acquits nothing: an attacker runs installers, too."""
    minutes = abs((subject.at - near[0].at).total_seconds()) / 60
    return Judgement(
        verdict=Verdict.INFORMATIONAL,
        label="Installation beside it",
        headline=f"{near[0].text} was {minutes:.0f} min apart, but its signer is not known: it explains nothing alone.",
        facts=[Fact(label=f"{one.at:%d %b %H:%M} UTC", value=one.text) for one in near[:4]],
        data={"is_explained": False, "by": near[0].text, "last_before_hours": _hours(near, subject)},
    )


def _headline(near: list[Change], installed: list[Change], subject: Subject) -> str:
    if near:
        return f"Explained: {near[0].text}, {abs((subject.at - near[0].at).total_seconds()) / 60:.0f} min apart."
    before = [one for one in installed if one.at <= subject.at]
    if not before:
        return "No patch and no installation in 72 hours explains it."
    hours = _hours(installed, subject)
    return f"Nothing explains it: the last installation or patch, {before[0].text}, was {hours:.0f} h before."


def _hours(installed: list[Change], subject: Subject) -> float | None:
    before = [one for one in installed if one.at <= subject.at]
    return round((subject.at - before[0].at).total_seconds() / 3600, 1) if before else None
