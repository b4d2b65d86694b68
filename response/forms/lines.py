"""The line ends of a browser."""

from typing import Any


def plain(text: str) -> str:
    """A browser posts CRLF where a text has LF."""
    return text.replace("\r\n", "\n")


def kept(before: Any, value: Any) -> Any:
    """What was posted, with plain line ends; a text that differs only in what a form does to it stays as it was."""
    if not isinstance(value, str):
        return value
    is_same = isinstance(before, str) and plain(before).strip() == plain(value).strip()
    return before if is_same else plain(value)
