"""Times whose form the sender describes with a pattern of Java: `yyyy-MM-dd'T'HH:mm:ss.SSS Z`."""

import re
from datetime import datetime

MAX_LENGTH = 64  # of a time and of its pattern
_PART = re.compile(r"'([^']*)'|([A-Za-z])\2*|.", re.DOTALL)
_DIRECTIVES = {
    "y": "%Y",
    "d": "%d",
    "H": "%H",
    "h": "%I",
    "m": "%M",
    "s": "%S",
    "S": "%f",
    "a": "%p",
    "Z": "%z",
    "X": "%z",
    "x": "%z",
    "z": "%Z",
}


def read_patterned(text: str, pattern: str) -> str:
    """The moment in ISO 8601, with a zone where text and pattern have one; "" where they do not fit each other."""
    if not pattern or len(text) > MAX_LENGTH or len(pattern) > MAX_LENGTH:
        return ""
    form = "".join(_directive(part) for part in _PART.finditer(pattern))
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007  the caller says what no zone means
    except (ValueError, re.PatternError):  # a field that stands twice breaks the expression behind strptime
        return ""
    is_utc = moment.tzinfo is None and "%Z" in form  # the only names of zones that are read are UTC and GMT
    return moment.isoformat() + ("+00:00" if is_utc else "")


def _directive(part: re.Match[str]) -> str:
    letters = part.group()
    if part.group(1) is not None:
        return (part.group(1) or "'").replace("%", "%%")
    match part.group(2), len(letters):
        case "y", 2:
            return "%y"
        case "M" | "L", count:
            return "%m" if count < 3 else "%b" if count == 3 else "%B"
        case "E", count:
            return "%a" if count < 4 else "%A"
        case _:
            return _DIRECTIVES.get(letters[0], letters.replace("%", "%%"))
