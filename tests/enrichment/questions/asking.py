"""A source that says what a test lets it say, and the subject of a question."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Judgement, Question, Subject
from secops.connectors.capabilities.identity import Host

AT = datetime(2026, 3, 10, 14, 12, tzinfo=UTC)  # a Tuesday
HOST = Host(name="FIN-LT-0142")


class Says:
    """Answers by method name: a value, or a function of the arguments; a method that was not given is a mistake."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answer = self.answers[name]

        def method(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            return answer(*args, **kwargs) if callable(answer) else answer

        return method


def about(kind: SubjectKind = SubjectKind.HOST, value: str = "", value_kind: str = "", **more: Any) -> Subject:
    fields: dict[str, Any] = {"kind": kind, "at": AT, "value": value, "value_kind": value_kind, "host": HOST}
    return Subject(**(fields | more))


def ask(question: type[Question], subject: Subject, **answers: Any) -> Judgement:
    """The judgement on these answers; there must be one."""
    judgement = question().ask(Says(**answers), subject)
    assert judgement is not None
    return judgement


def finding(question: str, data: Mapping[str, Any], *, subject: str = "", status: str = "answered") -> dict[str, Any]:
    """As a question about the case is given the others' answers."""
    return {
        "question": question,
        "connector": "Source",
        "subject": subject,
        "card": "",
        "verdict": "",
        "status": status,
        "headline": "",
        "data": data,
    }


def fact(judgement: Judgement, label: str) -> str:
    """The value of the first fact with this label."""
    return next(one.value for one in judgement.facts if one.label == label)


def points(judgement: Judgement) -> int:
    return sum(one.points for one in judgement.points)


def is_conviction(judgement: Judgement) -> bool:
    return judgement.verdict in (Verdict.MALICIOUS, Verdict.SUSPICIOUS)
