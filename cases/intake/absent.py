"""Words that detectors send where they have nothing to say."""

from typing import Any

_WORDS = frozenset(
    {"", "-", "--", "null", "n/a", "na", "unknown", "(empty)", "(null)", "<null>", "<na>", "undefined", "nil"}
)
_LONGEST = 17  # characters of a text that may be such a word with blanks around it
_CONTAINERS = (dict, list)


def is_absent(value: Any) -> bool:
    """None, empty, a placeholder word or an empty container; 0 and False are values."""
    if isinstance(value, str):
        return value.strip().casefold() in _WORDS if len(value) <= _LONGEST else value.isspace()
    return value is None or (not value and isinstance(value, _CONTAINERS))


def plain(value: Any) -> str:
    """A scalar as stripped text, "" for what is absent or not a scalar; whole floats lose their `.0`."""
    if isinstance(value, str):
        return "" if is_absent(value) else value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else ""
