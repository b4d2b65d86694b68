"""JSON that a sender put into a text field, read within the bounds of the gate."""

from typing import Any

from cases.intake.base import RejectedError
from cases.intake.gate import decode

MAX_INNER = 65_536  # characters


def inner_json(value: Any) -> Any:
    """What a text of JSON holds; any other value as it is, a broken text too."""
    if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "["} or len(value) > MAX_INNER:
        return value
    try:
        return decode(value.encode("utf-8", errors="replace"))[0]
    except RejectedError:
        return value
