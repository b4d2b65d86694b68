"""Data leaves by a removable drive: this person, or somebody who drives the device from outside?"""

from collections.abc import Mapping
from typing import Any

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Question, Subject, questions
from enrichment.questions.beacon_judged import BeaconJudged

type Findings = list[Mapping[str, Any]]
PERSON, OUTSIDE = "this person", "someone driving the device from outside"
CLEAR = 2  # arguments more than the other story
LEANS_ON = ("person_profile", "signed_in", "inbound_connections", "standard_software")


@questions.register
class TwoStories(Question):
    """Both are argued, each with what speaks for it; what could not be asked is named, and nothing is decided by it."""

    slug = "two_stories"
    label = "This person, or someone driving the device?"
    card = Card.WHO
    subject = SubjectKind.CASE
    capability = ""
    order = 5

    def weigh(self, findings: Findings, subject: Subject) -> Judgement | None:
        if not Heard(findings).some("removable_media", "bytes"):
            return None
        beacon = BeaconJudged().weigh(findings, subject)
        is_beacon = beacon is not None and beacon.verdict in (Verdict.MALICIOUS, Verdict.SUSPICIOUS)
        person, outside = _for_the_person(Heard(findings)), _for_outside(Heard(findings), is_beacon=is_beacon)
        lead = len(person) - len(outside)
        winner = PERSON if lead >= CLEAR else OUTSIDE if lead <= -CLEAR else ""
        return Judgement(
            verdict=Verdict.SUSPICIOUS,
            label="Person" if winner == PERSON else "Driven from outside" if winner else "Undecided",
            headline=f"More speaks for {winner}." if winner else "Neither story is clearly stronger.",
            columns=["Story", "What speaks for it"],
            rows=[[PERSON, text] for text in person] + [[OUTSIDE, text] for text in outside],
            facts=[
                Fact(label="This person", value="; ".join(person) or "nothing speaks for it"),
                Fact(label="From outside", value="; ".join(outside) or "nothing speaks for it"),
                Fact(label="Not heard", value=", ".join(_unheard(findings)) or "everything was answered"),
            ],
            data={"winner": winner, "person": person, "outside": outside, "not_known": _unheard(findings)},
        )


class Heard:
    """What all sources answered. One that saw something is not outvoted by another that saw nothing."""

    def __init__(self, findings: Findings) -> None:
        self.findings = [one for one in findings if one["status"] == "answered"]

    def answers(self, question: str) -> list[Mapping[str, Any]]:
        return [one["data"] for one in self.findings if one["question"] == question]

    def some(self, question: str, name: str) -> list[Any]:
        """What any source said under this name, empty and zero left out."""
        return [found for one in self.answers(question) if (found := one.get(name))]

    def none(self, question: str, name: str) -> bool:
        """Did all who were asked look for it and find nothing? False when nobody could say."""
        answers = self.answers(question)
        return bool(answers) and all(name in one and not one[name] for one in answers)

    def logins(self, question: str, name: str) -> set[str]:
        return {str(login).rsplit("\\", 1)[-1].lower() for logins in self.some(question, name) for login in logins}


def _profiles(heard: Heard) -> list[Mapping[str, Any]]:
    """The people it is about: who copied or was signed in, else all who are known."""
    there = heard.logins("removable_media", "users") or heard.logins("signed_in", "logins")
    profiles = heard.answers("person_profile")
    return [one for one in profiles if str(one.get("login", "")).lower() in there] or profiles


def _for_the_person(heard: Heard) -> list[str]:
    profiles, has_remote = _profiles(heard), bool(heard.some("signed_in", "remote_sessions"))
    logins = {str(one["login"]).lower() for one in profiles if one.get("login")}
    arguments = {
        "the person is about to leave": any(one.get("is_leaver") for one in profiles),
        "they were signed in at the console": logins & heard.logins("signed_in", "logins") and not has_remote,
        "the copying ran under their account": logins & heard.logins("removable_media", "users"),
        "nobody connected to the device from outside": heard.none("inbound_connections", "outside_connections"),
        "for weeks they opened more and more of a share that is not theirs": heard.some("file_use", "shares"),
        "no remote session and no remote tool": heard.none("signed_in", "remote_sessions")
        and heard.none("standard_software", "remote_tools"),
    }
    return [text for text, holds in arguments.items() if holds]


def _for_outside(heard: Heard, *, is_beacon: bool) -> list[str]:
    tools = sorted({tool for found in heard.some("standard_software", "remote_tools") for tool in found})
    arguments = {
        "somebody outside connected to the device and was answered": heard.some(
            "inbound_connections", "answered_sources"
        ),
        "a remote control port was used": heard.some("inbound_connections", "remote_control"),
        "a remote session was open": heard.some("signed_in", "remote_sessions"),
        f"a remote tool that its group does not have: {', '.join(tools)}": tools,
        "the device beacons": is_beacon,
        "an unsigned program made connections": False
        in [one["is_signed"] for one in heard.answers("connecting_program")],
        "it happened outside of the person's working hours": any(one.get("is_off_hours") for one in _profiles(heard)),
    }
    return [text for text, holds in arguments.items() if holds]


def _unheard(findings: Findings) -> list[str]:
    """Who did not answer, and what nobody was asked."""
    silent = [one for one in findings if one["status"] in ("failed", "refused", "skipped")]
    named = {f"{one['question'].replace('_', ' ')} ({one['connector']})" for one in silent}
    asked = {one["question"] for one in findings if one["status"] == "answered"} | {one["question"] for one in silent}
    return sorted(named | {question.replace("_", " ") for question in LEANS_ON if question not in asked})
