"""Does the device carry programs that the rest of its group does not?"""

from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.measures import counted
from secops.connectors.capabilities.devices import Inventory, Software

LEAST_GROUP = 5  # devices; a smaller group is no majority
RARE_SHARE = 0.2
REMOTE_WORDS = ("remote", "vnc", "teamviewer", "anydesk", "rustdesk", "screenconnect", "splashtop", "helpdesk")


@questions.register
class StandardSoftware(Question):
    """Non-standard is said against the majority of the device's own group: 1 of 12 Finance laptops."""

    slug = "standard_software"
    label = "What is not standard on it?"
    card = Card.DEVICE
    subject = SubjectKind.HOST
    capability = "software"
    order = 20
    bucket = timedelta(hours=6)

    def ask(self, connector: Inventory, subject: Subject) -> Judgement | None:
        found = connector.software(subject.host)
        if not found:
            return None
        rare = sorted((one for one in found if is_rare(one)), key=lambda one: one.in_group)
        group = found[0].group or "its group"
        if all(one.group_size < LEAST_GROUP for one in found):
            return Judgement(
                verdict=Verdict.INFORMATIONAL,
                headline=f"{counted(len(found), 'program')}; no group of {LEAST_GROUP} or more to compare it with.",
                data={"programs": len(found)},
            )
        if not rare:
            return Judgement(
                verdict=Verdict.INFORMATIONAL,
                label="Standard",
                headline=f"All {len(found)} programs are usual in {group}.",
                data={"non_standard": [], "remote_tools": [], "programs": len(found)},
            )
        return Judgement(
            verdict=Verdict.SUSPICIOUS,
            label="Non-standard",
            headline=f"{rare[0].name} is on {said(rare[0])}.",
            facts=[Fact(label=one.name, value=said(one), verdict="suspicious") for one in rare[:5]],
            columns=["Program", "Version", "On"],
            rows=[[one.name, one.version, said(one)] for one in rare[:15]],
            points=[Points(points=6, text="a program that its group does not have")],
            data={
                "non_standard": [
                    {"name": one.name, "in_group": one.in_group, "group_size": one.group_size, "group": one.group}
                    for one in rare
                ],
                "remote_tools": [one.name for one in rare if any(word in one.name.lower() for word in REMOTE_WORDS)],
                "programs": len(found),
            },
        )


def is_rare(one: Software) -> bool:
    return one.group_size >= LEAST_GROUP and one.in_group <= max(1, RARE_SHARE * one.group_size)


def said(one: Software) -> str:
    return f"{one.in_group} of {one.group_size} {one.group} devices"
