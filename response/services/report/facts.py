"""What the cards say, with the source and the time of each statement, and what nobody answered."""

from collections.abc import Iterator
from typing import Any

from cases.choices import Card
from enrichment.choices import LookupState, SubjectKind
from enrichment.questions.base import questions
from response.services.report import limits

Whole = dict[str, Any]
Row = dict[str, Any]


def cards(whole: Whole) -> list[Row]:
    """The six, in the order they are read; a card without an answer is left to `not_known`."""
    found = []
    for card in Card:
        answer = whole["answers"].get(card.value, {})
        heard = [_statement(one) for one in answer.get("findings", []) if one["status"] == LookupState.ANSWERED]
        found.append(
            {
                "card": card.value,
                "question": card.label,
                "verdict": answer.get("verdict") or "unknown",
                "label": answer.get("label", ""),
                "headline": answer.get("headline", ""),
                "statements": heard[: limits.MOST_STATEMENTS],
                "left_out": max(0, len(heard) - limits.MOST_STATEMENTS),
            }
        )
    return found


def findings(whole: Whole, *slugs: str) -> Iterator[Row]:
    """The answered findings of these questions."""
    for answer in whole["answers"].values():
        for one in answer["findings"]:
            if one["question"] in slugs and one["status"] == LookupState.ANSWERED:
                yield one


def not_known(whole: Whole) -> list[Row]:
    """Who was asked and did not answer, and the cards that nobody could be asked about."""
    missing = [
        {
            "what": label_of(one["question"]),
            "source": one["connector"],
            "status": one["status"],
            "why": one["headline"] or _WHY[one["status"]],
        }
        for answer in whole["answers"].values()
        for one in answer["findings"]
        if one["status"] in _WHY
    ]
    for card in Card:
        if not whole["answers"].get(card.value, {}).get("findings"):
            missing.append(
                {"what": card.label, "source": "", "status": "", "why": "Nothing in this case to ask about."}
            )
    return missing


def label_of(slug: str) -> str:
    """A question in words."""
    question = questions.get(slug)
    return question.label if question else slug


_WHY = {
    LookupState.DUE.value: "Not asked yet.",
    LookupState.CLAIMED.value: "Being asked.",
    LookupState.NO_DATA.value: "The source holds nothing on it.",
    LookupState.REFUSED.value: "The source refused.",
    LookupState.FAILED.value: "The source failed.",
    LookupState.SKIPPED.value: "Not asked.",
}


def _statement(one: Row) -> Row:
    question = questions.get(one["question"])
    is_of_the_case = question is not None and question.subject == SubjectKind.CASE
    return {
        "question": label_of(one["question"]),
        "source": one["connector"],
        "about": "" if is_of_the_case else one.get("subject", ""),
        "as_of": one["as_of"],
        "is_stale": one["stale"],
        "verdict": one["verdict"] or "unknown",
        "headline": one["headline"],
        "facts": one["facts"][: limits.MOST_FACTS],
        "facts_left_out": max(0, len(one["facts"]) - limits.MOST_FACTS),
    }
