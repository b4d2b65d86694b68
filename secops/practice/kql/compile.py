"""Turns an expression into a function of a row, once its columns and their types are known."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import eq, ge, gt, le, lt, ne
from typing import Any, cast

from secops.practice.kql.error import KqlError
from secops.practice.kql.table_files import Row, text_of
from secops.practice.kql.tree import (
    Between,
    Both,
    Call,
    Column,
    Comparison,
    Expression,
    Literal,
    Membership,
)
from secops.practice.products.world import moment_of

Value = Callable[[Row], Any]
Typed = tuple[str, Value]  # KQL's type, and the value in a row

_EXACT = {"==": eq, "!=": ne}
_ORDERED = {"<": lt, "<=": le, ">": gt, ">=": ge}
_FOLDED: dict[str, Callable[[str, str], bool]] = {
    "=~": eq,
    "!~": ne,
    "contains": str.__contains__,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_FAMILIES = {"long": "number", "real": "number", "bool": "number", "dynamic": "string"}


class Compiler:
    """`columns` are the types by name at this stage of the query; `now` is what ago() counts from."""

    def __init__(self, columns: Mapping[str, str], now: datetime) -> None:
        self._columns, self._now = columns, now

    def test(self, node: Expression) -> Callable[[Row], bool]:
        """An expression that must be true or false."""
        kind, value = self.compile(node)
        if kind != "bool":
            raise KqlError(f"The expression is of type {kind}, it must be true or false", node.at)
        return lambda row: bool(value(row))

    def compile(self, node: Expression) -> Typed:
        """The type and the function."""
        match node:
            case Literal():
                return _type_of(node.value), lambda row: node.value
            case Column():
                return self.column(node)
            case Call():
                return self._call(node)
            case Both():
                return "bool", self._both(node)
            case Comparison():
                return "bool", self._comparison(node)
            case Membership():
                return "bool", self._membership(node)
            case Between():
                return "bool", self._between(node)

    def column(self, node: Column) -> Typed:
        """A column's value; moments are compared as moments, and a missing text is an empty one."""
        name, kind = node.name, self._columns.get(node.name)
        if kind is None:
            raise KqlError(f"Failed to resolve column named '{name}'", node.at)
        if kind == "datetime":
            return kind, lambda row: _moment(row.get(name))
        if kind in ("string", "dynamic"):
            return kind, lambda row: text_of(row.get(name))
        return kind, lambda row: row.get(name)

    def _call(self, node: Call) -> Typed:
        kind, value = self.compile(node.argument)
        if node.name == "ago":
            if kind != "timespan" or not isinstance(node.argument, Literal):
                raise KqlError("ago() needs a timespan such as 7d", node.at)
            then = self._before_now(node)
            return "datetime", lambda row: then
        if node.name == "not":
            inner = self.test(node.argument)
            return "bool", lambda row: not inner(row)
        if node.name == "tolower":
            if _family(kind) != "string":
                raise KqlError(f"tolower() needs a string, not {kind}", node.at)
            return "string", lambda row: value(row).lower()
        if node.name == "isempty":
            return "bool", lambda row: value(row) in (None, "")
        return "bool", lambda row: value(row) not in (None, "")

    def _before_now(self, node: Call) -> datetime:
        span: timedelta = cast(Literal, node.argument).value
        try:
            return self._now - span
        except OverflowError:
            raise KqlError("ago() leads before the first day of the calendar", node.at) from None

    def _both(self, node: Both) -> Value:
        tests = [self.test(part) for part in node.parts]
        if node.word == "and":
            return lambda row: all(test(row) for test in tests)
        return lambda row: any(test(row) for test in tests)

    def _comparison(self, node: Comparison) -> Value:
        left, right = self._pair(node.left, node.right, node.at)
        family = _family(left[0])
        if node.operator in _EXACT:
            check = _EXACT[node.operator]
            a, b = left[1], right[1]
            return lambda row: check(a(row), b(row))
        if node.operator in _ORDERED:
            if family == "string":
                raise KqlError(f"Operator '{node.operator}' cannot compare strings", node.at)
            return _ordered(_ORDERED[node.operator], left[1], right[1])
        if family != "string":
            raise KqlError(f"Operator '{node.operator}' needs strings, not {left[0]}", node.at)
        return _text_test(node, left[1], right[1])

    def _membership(self, node: Membership) -> Value:
        left = self.compile(node.left)
        values = [self._constant(node.left, value, node.at) for value in node.values]
        value = left[1]
        if node.is_folded:
            if _family(left[0]) != "string":
                raise KqlError(f"Operator 'in~' needs strings, not {left[0]}", node.at)
            folded = {text.casefold() for text in values}
            return lambda row: value(row).casefold() in folded
        wanted = set(values)
        return lambda row: value(row) in wanted

    def _between(self, node: Between) -> Value:
        low, high = (self._constant(node.left, end, node.at) for end in (node.low, node.high))
        kind, value = self.compile(node.left)
        if _family(kind) == "string":
            raise KqlError("Operator 'between' cannot compare strings", node.at)

        def is_between(row: Row) -> bool:
            found = value(row)
            return found is not None and low <= found <= high

        return is_between

    def _constant(self, left: Expression, node: Expression, at: int) -> Any:
        """A value that needs no row, of the same family as the left side."""
        if not isinstance(node, Literal | Call) or (isinstance(node, Call) and node.name != "ago"):
            raise KqlError("Only constants may stand here", node.at)
        return self._pair(left, node, at)[1][1]({})

    def _pair(self, left: Expression, right: Expression, at: int) -> tuple[Typed, Typed]:
        first, second = self.compile(left), self.compile(right)
        if _family(first[0]) != _family(second[0]):
            raise KqlError(f"Cannot compare values of types {first[0]} and {second[0]}", at)
        return first, second


def _text_test(node: Comparison, left: Value, right: Value) -> Value:
    """Comparisons of text regardless of case; the usual constant on the right is folded once."""
    if isinstance(node.right, Literal):
        wanted = str(node.right.value).casefold()
        if node.operator == "has":
            return _has(left, wanted)
        check = _FOLDED[node.operator]
        return lambda row: check(left(row).casefold(), wanted)
    if node.operator == "has":
        return lambda row: bool(_has(left, right(row).casefold())(row))
    check = _FOLDED[node.operator]
    return lambda row: check(left(row).casefold(), right(row).casefold())


def _has(left: Value, wanted: str) -> Value:
    """A whole term: what stands around it is no letter and no digit."""
    before = r"(?<![^\W_])" if wanted[:1].isalnum() else ""
    after = r"(?![^\W_])" if wanted[-1:].isalnum() else ""
    pattern = re.compile(before + re.escape(wanted) + after)
    return lambda row: wanted in (text := left(row).casefold()) and pattern.search(text) is not None


def _ordered(check: Callable[[Any, Any], bool], left: Value, right: Value) -> Value:
    def is_so(row: Row) -> bool:
        a, b = left(row), right(row)
        return a is not None and b is not None and check(a, b)

    return is_so


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return moment_of(text)
    except ValueError:
        return None


def _family(kind: str) -> str:
    return _FAMILIES.get(kind, kind)


def _type_of(value: Any) -> str:
    kinds = (
        (bool, "bool"),
        (int, "long"),
        (float, "real"),
        (datetime, "datetime"),
        (timedelta, "timespan"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "string")
