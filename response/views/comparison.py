"""Two texts of a runbook, line by line."""

from difflib import unified_diff
from typing import NamedTuple


class Line(NamedTuple):
    kind: str  # same, added, removed, place
    text: str


KINDS = {"+": "added", "-": "removed", "@": "place"}


def lines_between(old: str, new: str, *, around: int = 3) -> list[Line]:
    """What was added and removed, with some lines around it; empty when nothing differs."""
    found = list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=around))[2:]
    return [Line(KINDS.get(line[:1], "same"), line) for line in found]
