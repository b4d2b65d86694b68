"""Which other devices have the file?"""

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.measures import counted
from secops.connectors.capabilities.files import FindFile

FEW = 5  # a file on more devices is most often a usual program


@questions.register
class FileElsewhere(Question):
    """By hash; says where it lies and whether it ran there."""

    slug = "file_elsewhere"
    label = "Which devices have the file?"
    card = Card.FILES
    subject = SubjectKind.HASH
    capability = "find_file"
    order = 20
    value_kinds = frozenset({"hash_sha256"})

    def ask(self, connector: FindFile, subject: Subject) -> Judgement | None:
        hits = connector.find_file(subject.value)
        if not hits:
            return None
        devices = sorted({one.device for one in hits})
        ran = sorted({one.device for one in hits if one.has_run})
        return Judgement(
            verdict=Verdict.INFORMATIONAL,
            headline=f"The file lies on {counted(len(devices), 'device')}: {', '.join(devices[:6])}.",
            facts=[Fact(label="Ran on", value=", ".join(ran) or "none that is known")],
            columns=["Device", "Path", "First seen, UTC", "Ran"],
            rows=[
                [
                    one.device,
                    one.path,
                    f"{one.first_seen_at:%d %b %H:%M}" if one.first_seen_at else "unknown",
                    {True: "yes", False: "no", None: "unknown"}[one.has_run],
                ]
                for one in hits[:20]
            ],
            points=[Points(points=5, text="the file lies on several devices")] if 1 < len(devices) <= FEW else [],
            data={"devices": devices, "ran_on": ran},
        )
