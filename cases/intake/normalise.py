"""What every detector's module does in the same way: titles, times and the list of what did not fit."""

from datetime import datetime
from typing import Any

from cases.intake.base import FieldProblem, RejectedError
from cases.intake.nightdesk_schema import percent
from cases.intake.paths import Document
from cases.intake.texts import one_line, web_link
from cases.intake.times import has_zone, not_ahead, read_time

MAX_TECHNIQUES = 50


class Problems:
    """What was dropped, repaired or assumed, for the sender to see."""

    def __init__(self) -> None:
        self._found: list[FieldProblem] = []

    def add(self, field: str, message: str) -> None:
        self._found.append(FieldProblem(field=field, message=message))

    def all(self) -> tuple[FieldProblem, ...]:
        return tuple(self._found)


def required_title(text: str, field: str) -> str:
    """One line of at most 300; raise RejectedError where nothing is left."""
    if title := one_line(text):
        return title
    raise RejectedError(FieldProblem(field=field, message="a title is required and none can be read"))


def required_time(document: Document, received_at: datetime, problems: Problems, *paths: str) -> datetime:
    """When the detector fired: the first path that holds a time; raise RejectedError where none does."""
    for path in paths:
        if moment := own_time(document.first(path), path, received_at, problems):
            return moment
    sent = document.text(*paths)
    message = f"no time can be read from {sent[:60]!r}" if sent else "a time is required and none is there"
    raise RejectedError(FieldProblem(field=paths[0], message=message))


def own_time(value: Any, field: str, received_at: datetime, problems: Problems) -> datetime | None:
    """The time of an alert, its zone assumed and its skew clamped in the open."""
    moment = read_time(value, received_at)
    if moment is None:
        return None
    if not has_zone(value):
        problems.add(field, "no time zone was sent; UTC is assumed")
    moment, is_ahead = not_ahead(moment, received_at)
    if is_ahead:
        problems.add(field, "lies more than five minutes ahead; the time of receipt is used")
    return moment


def optional_time(document: Document, received_at: datetime, *paths: str) -> datetime | None:
    """The first path that holds a time, or None."""
    for path in paths:
        if moment := read_time(document.first(path), received_at):
            return not_ahead(moment, received_at)[0]
    return None


def optional_percent(document: Document, problems: Problems, *paths: str) -> int | None:
    """A score of 0 to 100 at the first path that holds a value; one that does not fit is dropped and named."""
    path = next((path for path in paths if document.first(path) is not None), "")
    found = percent(document.first(path)) if path else None
    if path and found is None:
        problems.add(path, "no number from 0 to 100; dropped")
    return found


def optional_link(document: Document, problems: Problems, path: str) -> str:
    """A web address; anything else is dropped and named."""
    link = web_link(document.first(path))
    if document.text(path) and not link:
        problems.add(path, "no web address; dropped")
    return link


def attack(techniques: list[str], tactics: list[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of (technique id, tactic id); a tactic stands with a technique only where there is one of each."""
    known = [text.upper() for text in techniques if is_attack_id(text, "T")]
    grounds = [text.upper() for text in tactics if is_attack_id(text, "TA")]
    if len(known) == len(grounds) == 1:
        return ((known[0], grounds[0]),)
    pairs = [*((technique, "") for technique in known), *(("", tactic) for tactic in grounds)]
    return tuple(dict.fromkeys(pairs))[:MAX_TECHNIQUES]


def is_attack_id(text: str, letters: str) -> bool:
    """T1059, T1059.004 or TA0002."""
    number, dot, part = text.upper().removeprefix(letters).partition(".")
    is_main = text.upper().startswith(letters) and len(number) == 4 and number.isascii() and number.isdigit()
    return is_main and (not dot or (letters == "T" and len(part) == 3 and part.isascii() and part.isdigit()))
