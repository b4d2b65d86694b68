"""How much of a case a report shows: long texts and long lists are cut, and say so."""

from collections.abc import Callable, Sequence
from typing import Any

MOST_TEXT = 1_000  # characters of what a person wrote
MOST_LINE = 400  # characters of anything else
MOST_STATEMENTS = 30  # of one card
MOST_FACTS = 12  # of one statement
MOST_RUNS = 20
MOST_STEPS = 100  # of one run
MOST_ENTRIES = 300  # of the timeline
MOST_ROWS = 200  # of any other list
CUT = "… (cut; the whole stands in the case)"
SLACK = 500  # characters kept until names are replaced, so that none is cut in half


def every_text(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON with each of its texts changed; keys and numbers stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: every_text(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [every_text(one, change) for one in value]
    return value


def cut(text: str, most: int = MOST_TEXT) -> str:
    """The text, or its beginning and where the rest is."""
    return text if len(text) <= most else f"{text[:most]}{CUT}"


def rows(every: Sequence[Any], most: int = MOST_ROWS) -> dict[str, Any]:
    """{rows, left_out}: the first ones, and how many more there are."""
    return {"rows": list(every[:most]), "left_out": max(0, len(every) - most)}


def line(text: str) -> str:
    """The same for what stands in a table."""
    return cut(text, MOST_LINE)
