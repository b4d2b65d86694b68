"""Titles, references, links and tags in the form that the record keeps."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from cases.intake.absent import plain

MAX_TITLE = 300
MAX_REFERENCE = 255
MAX_NAME = 255  # rule ids, names, versions, words of the sender
MAX_TAG = 64
MAX_TAGS = 100
MAX_URL = 2000
_stable = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True, default=str).encode


def one_line(text: str, limit: int = MAX_TITLE) -> str:
    """Words with single spaces, cut to `limit` with an ellipsis."""
    # A title is short, and splitting a text of 64 kB only to throw it away costs time.
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def reference(text: str) -> str:
    """The sender's own id; one that is too long becomes its SHA-256."""
    text = text.strip()
    return text if len(text) <= MAX_REFERENCE else sha256(text.encode("utf-8", errors="replace")).hexdigest()


def reference_from(*parts: Any) -> str:
    """An id for a message that has none: the SHA-256 of the fields that name it, so that a repeat is known."""
    return sha256(_stable(parts).encode()).hexdigest()


def web_link(value: Any) -> str:
    """An http(s) address as sent, or "" for anything else."""
    text = plain(value)
    if len(text) > MAX_URL or any(character.isspace() or character < " " for character in text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.hostname else ""


def tags(values: Iterable[Any]) -> tuple[str, ...]:
    """Distinct one-line tags."""
    found = (one_line(text, MAX_TAG) for value in values if (text := plain(value)))
    return tuple(dict.fromkeys(tag for tag in found if tag))[:MAX_TAGS]
