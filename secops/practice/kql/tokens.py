"""The words of a KQL query, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from secops.practice.kql.error import KqlError
from secops.practice.products.world import moment_of

MAX_QUERY = 10_000  # characters

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<datetime>datetime\s*\(\s*[0-9T:.Z+ -]+\))
  | (?P<span>\d{1,6}(?:ms|d|h|m|s)\b)
  | (?P<number>-?\d{1,18}(?:\.\d{1,18})?(?![\w]))
  | (?P<name>in~|[A-Za-z_]\w*)
  | (?P<verbatim>@"(?:[^"]|"")*"|@'(?:[^']|'')*')
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<mark>==|!=|=~|!~|<=|>=|\.\.|[<>=(),|])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "0": "\0"}
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, literal, mark or end; `value` is what a literal stands for."""

    kind: str
    text: str
    at: int
    value: Any = None


def tokens(query: str) -> list[Token]:
    """The words in order, and an end; `KqlError` names the first place that is none."""
    if len(query) > MAX_QUERY:
        raise KqlError(f"The query is longer than {MAX_QUERY} characters", MAX_QUERY)
    return [*_tokens(query), Token("end", "", len(query))]


def _tokens(query: str) -> Iterator[Token]:
    at = 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None:
            raise KqlError(f"Syntax error: unexpected {query[at]!r}", at)
        kind, text = found.lastgroup or "", found[0]
        if kind in ("name", "mark"):
            yield Token(kind, text, at)
        elif kind != "space":
            yield Token("literal", text, at, _value(kind, text, at))
        at = found.end()


def _value(kind: str, text: str, at: int) -> Any:
    if kind == "string":
        return _ESCAPE.sub(lambda found: _unescaped(found[1], at), text[1:-1])
    if kind == "verbatim":
        return text[2:-1].replace(text[1] * 2, text[1])
    if kind == "number":
        return float(text) if "." in text else int(text)
    if kind == "span":
        number = text.rstrip("dhms")
        return timedelta(**{_UNITS[text[len(number) :]]: int(number)})
    try:
        return moment_of(text[text.index("(") + 1 : -1].strip())
    except ValueError:
        raise KqlError(f"'{text}' is not a date", at) from None


def _unescaped(mark: str, at: int) -> str:
    if mark.startswith("u") and len(mark) == 5:
        return chr(int(mark[1:], 16))
    if mark not in _ESCAPES:
        raise KqlError(f"Syntax error: unknown escape '\\{mark}' in a string", at)
    return _ESCAPES[mark]
