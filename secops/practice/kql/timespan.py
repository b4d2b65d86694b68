"""The Timespan of a hunting request: an ISO 8601 duration or a pair of moments."""

import re
from datetime import datetime, timedelta

from secops.practice.products.world import moment_of

KEPT = timedelta(days=30)  # hunting holds no older rows, whatever is asked
_DURATION = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?")


def interval(text: object, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of what a query may see; ValueError when the text is no timespan."""
    oldest = now - KEPT
    if text is None:
        return oldest, now
    if not isinstance(text, str) or not 2 < len(text) <= 100:
        raise ValueError("The timespan is not an ISO 8601 duration or interval.")
    first, _, second = text.partition("/")
    if not second:
        return max(oldest, now - _duration(first)), now
    if first.startswith("P"):
        end = moment_of(second)
        start = end - _duration(first)
    else:
        start = moment_of(first)
        end = start + _duration(second) if second.startswith("P") else moment_of(second)
    return max(oldest, start), min(now, end)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f"'{text}' is not an ISO 8601 duration.")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
