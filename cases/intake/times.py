"""Times in every form that detectors write (STANDARDS.md part 3), as aware UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_AHEAD = timedelta(minutes=5)
_DAY = timedelta(days=1)
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONE_DAYS = frozenset({(1, 1, 1), (1601, 1, 1), (1970, 1, 1)})
_EARLIEST = 100_000_000  # epoch seconds; less is relative to the start of a capture
_NUMBER = re.compile(r"-?\d{1,19}(?:\.\d{1,12})?")
_COMPACT = re.compile(r"(?:19|20)\d{6}(?:\d{6})?")
_NO_YEAR = re.compile(r"[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d{1,9})?")
_ZONE_WORD = re.compile(r"[ ]?\(?(?:UTC|GMT|Z)\)?$")
_DIGIT = re.compile(r"\d")
_SPACED_OFFSET = re.compile(r" (?=[+-]\d\d:?\d\d$)")  # `2026-11-01 10:00:00.123 +09:00`
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
_FORMATS = (
    "%m/%d/%y-%H:%M:%S.%f",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%b %d %Y %H:%M:%S",
    "%b %d %Y %H:%M:%S.%f",
    "%b %d, %Y %H:%M:%S",
    "%d %B %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
)


def read_time(value: Any, received_at: datetime) -> datetime | None:
    """The moment a value names, or None; a form without a year takes the year of receipt, one without a zone UTC."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        value = repr(round(value, 6)) if not abs(value) >= 1e15 else int(min(abs(value), 9e18))
    if isinstance(value, int):
        return _from_number(value)
    text = value.strip()[:64] if isinstance(value, str) else ""
    if not _DIGIT.search(text):
        return None
    moment = _from_digits(text) or _from_iso(text) or _from_words(text, received_at)
    return moment if moment and (moment.year, moment.month, moment.day) not in _NONE_DAYS else None


def has_zone(value: Any) -> bool:
    """Does a time text say its zone? Numbers count from a fixed moment and always do."""
    if not isinstance(value, str):
        return True
    text = value.strip()
    return bool(_NUMBER.fullmatch(text) or _ZONE_WORD.search(text) or _OFFSET.search(text))


def not_ahead(moment: datetime, received_at: datetime) -> tuple[datetime, bool]:
    """The moment, or the time of receipt where a clock runs more than five minutes ahead; and whether it did."""
    is_ahead = moment > received_at + MAX_AHEAD
    return (received_at if is_ahead else moment), is_ahead


def _from_digits(text: str) -> datetime | None:
    if text.startswith("/Date(") and text.endswith(")/"):
        text = text[6:-2].partition("+")[0]
    if not _NUMBER.fullmatch(text) or _COMPACT.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    moment = _from_number(int(whole))
    if moment is None or not fraction or len(whole) > 10:
        return moment
    return moment + timedelta(microseconds=int(fraction.ljust(6, "0")[:6]))


def _from_number(number: int) -> datetime | None:
    """Seconds, milliseconds, microseconds, nanoseconds or FILETIME since their epochs, by size."""
    if not _EARLIEST <= number < 9 * 10**18:
        return None
    if 10**17 <= number < 5 * 10**17:
        return _FILETIME_EPOCH + timedelta(microseconds=number // 10)
    for limit, times in ((10**11, 10**6), (10**14, 10**3), (10**17, 1)):
        if number < limit:
            return _UNIX_EPOCH + timedelta(microseconds=number * times)
    return _UNIX_EPOCH + timedelta(microseconds=number // 1000)


def _from_iso(text: str) -> datetime | None:
    candidate = _ZONE_WORD.sub("+00:00", text) if text[-1] in "CTZ)" else _SPACED_OFFSET.sub("", text)
    try:
        return _utc(datetime.fromisoformat(candidate))
    except ValueError:
        return None


def _from_words(text: str, received_at: datetime) -> datetime | None:
    plain = " ".join(_ZONE_WORD.sub("", text).split())
    if _NO_YEAR.fullmatch(plain):
        return _without_year(plain.partition(".")[0], received_at)
    for form in _FORMATS:
        try:
            return _utc(datetime.strptime(plain, form))  # noqa: DTZ007  _utc gives the zone
        except ValueError:
            continue
    return None


def _without_year(text: str, received_at: datetime) -> datetime | None:
    """This year's day, or last year's where that would lie more than a day ahead."""
    for year in (received_at.year, received_at.year - 1):
        try:
            moment = _utc(datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S"))  # noqa: DTZ007
        except ValueError:  # the 29th of February
            continue
        if moment and moment <= received_at + _DAY:
            return moment
    return None


def _utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the edges of the calendar mean "none" anyway
        return None
