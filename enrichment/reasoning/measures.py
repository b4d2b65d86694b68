"""Robust statistics and the words for sizes, spans and ratios that all findings about traffic share."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

SIGMA = 1.4826  # MAD times this is the standard deviation of what is spread normally


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A fact that weighs: above zero towards harm, below zero towards harmless, zero only to be told."""

    text: str
    points: int = 0


def mad(values: Sequence[float]) -> float:
    """Median absolute deviation; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    middle = median(values)
    return median(abs(value - middle) for value in values)


def size(count: float) -> str:
    """Bytes in decimal units, as products show them: 38.6 MB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} bytes"


def span(seconds: float) -> str:
    """A period in words: 11.5 s, 5.0 min, 2.0 h."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def times(ratio: float) -> str:
    """How many times as much: 15 times, 1.4 times."""
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def counted(number: int, one: str, many: str = "") -> str:
    """1 device, 12 devices."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
