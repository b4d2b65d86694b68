"""Medians, percentiles and changes, and how they are said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import ceil
from statistics import median, quantiles
from typing import Any

from secops.wording import DAY, HOUR, MINUTE

Span = tuple[datetime, float]  # when it ended, how many seconds it took
UNCHANGED = 0.005  # of a share or of a time: less is no change


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One big number. `value` is number and unit in turn; `tone` is up where the change is good, down where it is bad.

    `series` has a value for each day, None for a day without.
    """

    label: str
    value: list[tuple[str, str]]
    change: str
    tone: str
    note: str
    series: dict[str, Any]
    is_estimate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn, and the same as a table: cells are numbers and words, None where there is none."""

    key: str
    title: str
    columns: list[str]
    rows: list[list[Any]]
    series: dict[str, Any] = field(default_factory=dict)


def middle(values: Sequence[float]) -> float | None:
    """The median."""
    return float(median(values)) if values else None


def rank(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least this share does not exceed: a time that was really measured."""
    known = sorted(values)
    return known[ceil(share * len(known)) - 1] if known else None


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third, between neighbours in proportion; of two values or more."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def by_day(spans: Iterable[Span], dates: Iterable[date]) -> list[list[float]]:
    """The seconds of each day, in the order of the dates."""
    found: dict[date, list[float]] = {one: [] for one in dates}
    for at, seconds in spans:
        if (day := at.astimezone(UTC).date()) in found:
            found[day].append(seconds)
    return list(found.values())


def parts(seconds: float | None) -> list[tuple[str, str]]:
    """6 m 12 s, 1 h 48 m, 2 d 4 h as numbers and units."""
    if seconds is None:
        return [("–", "")]
    total = round(seconds)
    if total < MINUTE:
        return [(str(total), "s")]
    if total < HOUR:
        return [(str(total // MINUTE), "m"), (str(total % MINUTE), "s")]
    if total < DAY:
        return [(str(total // HOUR), "h"), (str(total % HOUR // MINUTE), "m")]
    return [(str(total // DAY), "d"), (str(total % DAY // HOUR), "h")]


def faster(now: float | None, before: float | None) -> tuple[str, str]:
    """18 % faster; the words and the tone."""
    if now is None:
        return "none in this period", ""
    if not before:
        return "none in the period before", ""
    change = (now - before) / before
    if abs(change) < UNCHANGED:
        return "as before", ""
    if change > 1:
        return f"{now / before:.1f} times as long", "down"
    size = f"{abs(change) * 100:.0f} %"
    return (f"{size} faster", "up") if change < 0 else (f"{size} slower", "down")


def points(now: float | None, before: float | None, *, more_is_good: bool) -> tuple[str, str]:
    """1.1 pt lower: percentage points between two shares of 0 to 1; the words and the tone."""
    if now is None:
        return "none in this period", ""
    if before is None:
        return "none in the period before", ""
    change = (now - before) * 100
    if abs(change) < UNCHANGED * 10:
        return "as before", ""
    said = f"{abs(change):.1f}".removesuffix(".0")
    return f"{said} pt {'higher' if change > 0 else 'lower'}", "up" if (change > 0) == more_is_good else "down"


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def percent(part: float | None) -> str:
    """96.4 %, 31 %; a dash where there is nothing to divide by."""
    return "–" if part is None else f"{part * 100:.1f}".removesuffix(".0") + " %"
