"""Conditions over events, in names of our own: every source turns them into its language, or says that it cannot.

Text is compared without regard to case, as Windows and Sigma do; a field that is missing is empty text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import TextChoices

from secops.hunting import tlsh

ONE = "\x00"  # in a piece: any one character


class Kind(TextChoices):
    """What happened: each source has a table of its own for it."""

    PROCESS = "process", "programs that ran"
    FILE = "file", "files"
    REGISTRY = "registry", "the registry"
    NETWORK = "network", "connections"
    EVENT = "event", "Windows events"


@dataclass(frozen=True, slots=True)
class Text:
    """The field is this text, where anything may stand between two pieces: ("", "\\Temp\\", "") is contains."""

    field: str
    pieces: tuple[str, ...]
    is_cased: bool = False

    @property
    def is_plain(self) -> bool:
        """Is it one exact text?"""
        return len(self.pieces) == 1 and ONE not in self.pieces[0]


@dataclass(frozen=True, slots=True)
class Regex:
    """The pattern (RE2) is found somewhere in the field."""

    field: str
    pattern: str
    is_cased: bool = True


@dataclass(frozen=True, slots=True)
class Number:
    """`sign` is one of ==, <, <=, >, >=."""

    field: str
    sign: str
    value: int


@dataclass(frozen=True, slots=True)
class Near:
    """The field is a TLSH digest at most so far from this one."""

    field: str
    digest: str
    most: int


@dataclass(frozen=True, slots=True)
class Empty:
    field: str


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Leaf = Text | Regex | Number | Near | Empty
Condition = Leaf | Both | Either | Not


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question to one table of a source."""

    kind: Kind
    condition: Condition


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every comparison in it."""
    match condition:
        case Both(parts) | Either(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield condition


def fields_of(condition: Condition) -> set[str]:
    """The names of the fields that it reads."""
    return {leaf.field for leaf in leaves(condition)}


def glob(field: str, pattern: str) -> Text:
    """A pattern as people write it: * is anything, ? one character; the rest is meant as it stands."""
    return Text(field, tuple(pattern.replace("?", ONE).split("*")))


def holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether it is true of one event; used where a source can only ask for a little too much. No Regex."""
    match condition:
        case Both(parts):
            return all(holds(part, values) for part in parts)
        case Either(parts):
            return any(holds(part, values) for part in parts)
        case Not(part):
            return not holds(part, values)
        case Empty(field):
            return values.get(field) in (None, "")
        case Number() | Near():
            return _measures(condition, values.get(condition.field))
        case Text():
            return _pattern(condition.pieces, condition.is_cased).fullmatch(_text(values, condition.field)) is not None
        case Regex():
            raise ValueError("Patterns of a rule are compared by the source alone.")


def _text(values: Mapping[str, Any], field: str) -> str:
    value = values.get(field)
    return "" if value is None else str(value)


@lru_cache(maxsize=512)
def _pattern(pieces: tuple[str, ...], is_cased: bool) -> re.Pattern[str]:
    inner = ".*?".join("".join("." if one == ONE else re.escape(one) for one in piece) for piece in pieces)
    return re.compile(inner, re.DOTALL | (re.NOFLAG if is_cased else re.IGNORECASE))


def _measures(condition: Number | Near, found: Any) -> bool:
    if isinstance(condition, Near):
        digest = tlsh.digest(str(found or ""))
        return bool(digest) and tlsh.distance(digest, condition.digest) <= condition.most
    try:
        value = int(found)
    except (TypeError, ValueError):
        return False
    wanted = condition.value
    signs = {"==": value == wanted, "<": value < wanted, "<=": value <= wanted, ">": value > wanted}
    return signs.get(condition.sign, value >= wanted)
