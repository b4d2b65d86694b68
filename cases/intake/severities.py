"""Severities of the sources on our scale, 0 info to 4 critical (STANDARDS.md part 2)."""

from typing import Any, NamedTuple

from cases.intake.absent import plain
from cases.intake.paths import whole_number

INFO, LOW, MEDIUM, HIGH, CRITICAL = range(5)

WORDS = {
    "info": INFO,
    "information": INFO,
    "informational": INFO,
    "debug": INFO,
    "none": INFO,
    "low": LOW,
    "minor": LOW,
    "notice": LOW,
    "medium": MEDIUM,
    "med": MEDIUM,
    "moderate": MEDIUM,
    "warning": MEDIUM,
    "warn": MEDIUM,
    "high": HIGH,
    "major": HIGH,
    "important": HIGH,
    "error": HIGH,
    "err": HIGH,
    "severe": CRITICAL,
    "very-high": CRITICAL,
    "critical": CRITICAL,
    "crit": CRITICAL,
    "fatal": CRITICAL,
    "alert": CRITICAL,
    "emergency": CRITICAL,
}
_PASSED = frozenset({"pass", "passed"})
_SIGNATURE_SEVERITY = {"informational": INFO, "minor": LOW, "major": HIGH, "critical": CRITICAL}
_GRAPH = {"informational": INFO, "low": LOW, "medium": MEDIUM, "high": HIGH}


class Graded(NamedTuple):
    """Our number, the source's own word, and whether we had to assume."""

    severity: int
    raw: str = ""
    is_assumed: bool = False


def of_check(graded: Graded, outcome: str) -> Graded:
    """A check that was passed asks nobody for anything, whatever its failure would have been worth."""
    return graded._replace(severity=INFO) if outcome.casefold() in _PASSED else graded


def of_suricata(severity: Any, signature_severity: str = "") -> Graded:
    """1 is worst; the rule author's own word is better where there is one."""
    if (known := _SIGNATURE_SEVERITY.get(signature_severity.casefold())) is not None:
        return Graded(known, signature_severity)
    number = whole_number(severity)
    if number is None or number < 1:
        return Graded(MEDIUM, plain(severity), is_assumed=True)
    return Graded({1: HIGH, 2: MEDIUM}.get(number, LOW), str(number))


def of_wazuh(level: Any) -> Graded:
    """Rule levels 0 to 16."""
    number = whole_number(level)
    if number is None:
        return Graded(MEDIUM, plain(level), is_assumed=True)
    steps = ((15, CRITICAL), (12, HIGH), (7, MEDIUM), (4, LOW))
    return Graded(next((ours for floor, ours in steps if number >= floor), INFO), str(number))


def of_word(word: str, scale: dict[str, int]) -> Graded:
    """A word of a sender's own scale, whose keys are in folded case; words that it does not know are medium."""
    known = scale.get(word.casefold())
    return Graded(MEDIUM if known is None else known, word[:64], is_assumed=known is None)


def of_graph(word: str) -> Graded:
    """The words of alerts_v2; `unknown` and words to come are medium."""
    return of_word(word, _GRAPH)


def of_anything(value: Any) -> Graded | None:
    """A guess: a word that most products share, or a number of 0 to 10 or 0 to 100. None where neither is there."""
    text = plain(value)
    if (known := WORDS.get(text.casefold())) is not None:
        return Graded(known, text)
    number = whole_number(value)
    if number is None and isinstance(value, float):
        number = int(value)
    if number is None or not 0 <= number <= 100:
        return None
    scale = ((9, CRITICAL), (7, HIGH), (4, MEDIUM)) if number <= 10 else ((90, CRITICAL), (70, HIGH), (40, MEDIUM))
    return Graded(next((ours for floor, ours in scale if number >= floor), LOW), text, is_assumed=True)
