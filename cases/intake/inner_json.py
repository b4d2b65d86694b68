"""JSON that stands inside a text: some products send their lists and objects so."""

from typing import Any

from cases.intake.base import RejectedError
from cases.intake.gate import decode
from cases.intake.paths import Document

MAX_BYTES = 262_144  # of one such text


def opened(value: Any) -> Any:
    """The list or object that a text holds; any other value, and a text that cannot be read, as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "["}:
        return value
    try:
        return decode(value.encode(errors="replace"), max_bytes=MAX_BYTES)[0]
    except RejectedError:
        return value


def inner_document(value: Any) -> Document:
    """Questions to the object that a value is or holds; an empty one where it is none."""
    found = opened(value)
    return Document(found if isinstance(found, dict) else {})


def inner_list(value: Any) -> list[Any]:
    """The items of a list that a value is or holds; a single value is its only item."""
    found = opened(value)
    if isinstance(found, list):
        return found
    return [] if found is None or found == "" else [found]
