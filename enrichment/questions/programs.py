"""Which program did it: the connection, or the change of the registry?"""

from datetime import timedelta

from cases.choices import Card, ObservableKind, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Pivot, Points, Question, Subject, questions
from secops.connectors.capabilities.devices import Processes, ProcessFact

AROUND = timedelta(hours=1)
PAST = timedelta(hours=24)


class WhichProgram(Question):
    """Process, parents, command line, signer, user: they come first in What changed."""

    card = Card.CHANGES
    capability = "processes"
    order = 10

    def found(self, connector: Processes, subject: Subject) -> list[ProcessFact]:
        raise NotImplementedError

    def ask(self, connector: Processes, subject: Subject) -> Judgement | None:
        programs = self.found(connector, subject)
        if not programs:
            return None
        program = next((one for one in programs if one.is_signed is False), programs[0])
        return judged(program, len({one.image.lower() for one in programs}))


def judged(program: ProcessFact, programs: int) -> Judgement:
    """The card of one program; what is not signed weighs, a signature by itself acquits nothing."""
    name = program.image.rsplit("\\", 1)[-1].rsplit("/", 1)[-1]
    is_unsigned = program.is_signed is False
    user = program.user.rsplit("\\", 1)[-1].lower()
    chain = " ← ".join([name, *(parent.rsplit("\\", 1)[-1] for parent in program.parents)])
    return Judgement(
        verdict=Verdict.SUSPICIOUS if is_unsigned else Verdict.INFORMATIONAL,
        label="Unsigned program" if is_unsigned else "",
        headline=f"{name}, {_signature(program)}, did it as {user or 'an unknown user'}.",
        facts=[
            Fact(label="Program", value=program.image),
            Fact(label="Started by", value=chain),
            Fact(label="Command line", value=program.command_line or "unknown"),
            Fact(
                label="Signer", value=program.signer or _signature(program), verdict="suspicious" if is_unsigned else ""
            ),
            Fact(label="User", value=user or "unknown"),
            Fact(label="Seen", value=f"{program.at:%d %b %H:%M:%S} UTC, process {program.pid}"),
        ],
        points=[Points(points=12, text="an unsigned program")] if is_unsigned else [],
        pivots=[Pivot(kind=ObservableKind.HASH_SHA256, value=program.sha256, role="process")] if program.sha256 else [],
        data={
            "image": program.image,
            "parents": program.parents,
            "command_line": program.command_line,
            "signer": program.signer,
            "is_signed": program.is_signed,
            "user": user,
            "sha256": program.sha256,
            "programs": programs,
        },
    )


def _signature(program: ProcessFact) -> str:
    if program.is_signed:
        return f"signed by {program.signer}" if program.signer else "signed"
    return "not signed" if program.is_signed is False else "signature unknown"


@questions.register
class ConnectingProgram(WhichProgram):
    slug = "connecting_program"
    label = "Which program made the connection?"
    subject = SubjectKind.PAIR

    def found(self, connector: Processes, subject: Subject) -> list[ProcessFact]:
        return connector.process_of(subject.host, subject.value, subject.at - PAST, subject.at + AROUND)


@questions.register
class RegistryProgram(WhichProgram):
    slug = "registry_program"
    label = "Which program changed the registry?"
    subject = SubjectKind.REGISTRY

    def found(self, connector: Processes, subject: Subject) -> list[ProcessFact]:
        return connector.processes_writing(subject.host, subject.value, subject.at - AROUND, subject.at + AROUND)
