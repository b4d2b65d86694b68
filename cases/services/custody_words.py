"""The chain of custody in words: what a reader is told of an entry, on a page and in a report."""

from datetime import datetime
from typing import Any

from cases.choices import CustodyAction
from secops.wording import amount, clock

WORDS = {  # details of an entry that are said, in this order
    "to": "to",
    "from": "from",
    "asked_by": "asked by",
    "acquired_by": "by",
    "acquired_from": "from",
    "acquired_at": "at",
    "tool": "with",
    "tool_version": "version",
    "authority": "authority",
    "clock_offset_seconds": "clock offset in seconds",
    "read_errors": "read errors",
    "serial": "serial",
    "seal_number": "seal",
    "shelf": "place",
    "copy_of": "working copy of",
    "derived_from": "taken out of",
    "left_out": "without the file:",
}


def said(action: str, found: dict[str, Any]) -> str:
    """The details of one entry as a sentence; empty when the act alone says it."""
    if "acquired_at" in found:
        found = found | {"acquired_at": clock(datetime.fromisoformat(found["acquired_at"]))}
    parts = [f"{word} {found[name]}" for name, word in WORDS.items() if name in found]
    if action == CustodyAction.VERIFIED:
        parts = ["it is what was received" if found.get("matches") else _mismatch(found)]
    if "size" in found:
        parts.insert(0, amount(found["size"]))
    if "reason" in found:
        parts.append(f"“{found['reason']}”")
    return ", ".join(parts)


def _mismatch(found: dict[str, Any]) -> str:
    return f"it does not match: now {found['found'][:12]}…" if found.get("found") else "its file is missing"
