"""Is a device's traffic of the last 24 hours out of its own ordinary days?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from enrichment.reasoning.measures import SIGMA, counted, mad, size, times
from secops.connectors.capabilities.traffic import DayVolume

LEAST_DAYS = 3  # fewer past days with traffic are no past to compare with
UNUSUAL_RATIO = 3.0
UNUSUAL_SCORE = 3.5  # robust standard deviations, the usual limit for outliers
LEAST_EXCESS = 10_000_000  # bytes above the median; less is nobody's concern


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Bytes. `ratio` None when the median is 0 or there are no past days; `days` had traffic and were compared."""

    today: int
    median: float
    mad: float
    ratio: float | None
    days: int
    is_unusual: bool
    sentence: str


def compare_sent(volumes: Sequence[DayVolume]) -> Comparison:
    """What the device sent in the 24 hours of day 0 against its past days."""
    return compare({day.days_ago: day.bytes_out for day in volumes if day.connections}, "sent")


def compare_received(volumes: Sequence[DayVolume]) -> Comparison:
    """What the device received in the 24 hours of day 0 against its past days."""
    return compare({day.days_ago: day.bytes_in for day in volumes if day.connections}, "received")


def compare(by_day: dict[int, int], done: str) -> Comparison:
    """Bytes by days ago against each other. Days without any traffic must be left out: a device that was off says
    nothing about its ordinary days."""
    today = by_day.get(0, 0)
    past = [count for day, count in by_day.items() if day > 0]
    middle, spread = (float(median(past)), mad(past)) if past else (0.0, 0.0)
    ratio = today / middle if middle else None
    return Comparison(
        today=today,
        median=middle,
        mad=spread,
        ratio=round(ratio, 2) if ratio is not None else None,
        days=len(past),
        is_unusual=_is_unusual(today, middle, spread, len(past)),
        sentence=_sentence(today, middle, ratio, len(past), done),
    )


def _is_unusual(today: int, middle: float, spread: float, days: int) -> bool:
    excess = today - middle
    if days < LEAST_DAYS or excess < LEAST_EXCESS or today < UNUSUAL_RATIO * middle:
        return False
    return excess > UNUSUAL_SCORE * SIGMA * spread


def _sentence(today: int, middle: float, ratio: float | None, days: int, done: str) -> str:
    start = f"{size(today)} {done} in the last 24 hours"
    if not days:
        return f"{start}; no past day to compare with."
    rest = f"{start}; the median of {counted(days, 'past day')} with traffic is {size(middle)}"
    return f"{rest}, {times(ratio)} as much." if ratio is not None else f"{rest}."
