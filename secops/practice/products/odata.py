"""The part of OData that connectors use: $filter, $select, $top, $skip over plain records."""

import re
from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any
from urllib.parse import quote, urlencode

from secops.practice.products.world import Record

MAX_FILTER = 2_000  # characters
MAX_DEPTH = 20  # brackets within brackets

Test = Callable[[Record], bool]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[(),])|(?P<word>[A-Za-z0-9_.:/+-]+)|(?P<bad>\S))")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}


class ODataError(Exception):
    """A query that cannot be read; its text names the place."""


def page(
    records: list[Record], query: Mapping[str, str], *, default: int, most: int
) -> tuple[list[Record], int | None]:
    """Filter and cut; the second value is the $skip of the next page, or None at the end."""
    if text := query.get("$filter"):
        records = [record for record in records if parse(text, records)(record)]
    top = min(_number(query, "$top", default), most)
    skip = _number(query, "$skip", 0)
    rest = skip + top if skip + top < len(records) else None
    return records[skip : skip + top], rest


def next_link(address: str, query: Mapping[str, str], skip: int) -> str:
    """The address of the next page: the same question, further on."""
    return f"{address}?{urlencode({**query, '$skip': str(skip)}, safe='$', quote_via=quote)}"


def select(record: Record, query: Mapping[str, str], usual: tuple[str, ...]) -> Record:
    """The properties that $select names, else the usual ones."""
    named = query.get("$select")
    if not named:
        return {name: record.get(name) for name in usual}
    chosen = {}
    for name in (part.strip() for part in named.split(",")):
        if name not in record:
            raise ODataError(f"Could not find a property named '{name}'.")
        chosen[name] = record[name]
    return chosen


def parse(text: str, records: list[Record]) -> Test:
    """A $filter as a test; `ODataError` for what is unknown, also for properties that no record has."""
    if len(text) > MAX_FILTER:
        raise ODataError(f"The filter is longer than {MAX_FILTER} characters.")
    return _Parser(text, set().union(*records[:1])).whole()


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or len(text) > 9:
        raise ODataError(f"Invalid value '{text}' for {name} query option.")
    return int(text)


class _Parser:
    def __init__(self, text: str, names: set[str]) -> None:
        self.tokens = [
            (m.lastgroup or "", m[m.lastgroup or 0], m.start(m.lastgroup or 0)) for m in _TOKEN.finditer(text)
        ]
        self.tokens.append(("end", "", len(text)))
        self.at = self.depth = 0
        self.names = names

    def whole(self) -> Test:
        test = self.either()
        if self.tokens[self.at][0] != "end":
            raise self.unexpected()
        return test

    def either(self) -> Test:
        tests = [self.both()]
        while self.take("or"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.take("and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)

    def one(self) -> Test:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ODataError("The filter is nested too deeply.")
        test = self._one()
        self.depth -= 1
        return test

    def _one(self) -> Test:
        if self.take("not"):
            inner = self.one()
            return lambda record: not inner(record)
        if self.take("("):
            inner = self.either()
            self.need(")")
            return inner
        kind, word, _ = self.tokens[self.at]
        if kind == "word" and word.lower() in _FUNCTIONS:
            return self.function(word.lower())
        return self.comparison()

    def function(self, name: str) -> Test:
        self.at += 1
        self.need("(")
        field = self.field()
        self.need(",")
        value = str(self.literal()).casefold()
        self.need(")")
        check = _FUNCTIONS[name]
        return lambda record: check(str(record.get(field) or "").casefold(), value)

    def comparison(self) -> Test:
        field = self.field()
        if self.take("in"):
            return self.one_of(field)
        kind, word, _ = self.tokens[self.at]
        if kind != "word" or word.lower() not in _OPERATORS:
            raise self.unexpected()
        self.at += 1
        check, value = _OPERATORS[word.lower()], self.literal()
        return lambda record: _compared(check, record.get(field), value)

    def one_of(self, field: str) -> Test:
        self.need("(")
        values = [self.literal()]
        while self.take(","):
            values.append(self.literal())
        self.need(")")
        return lambda record: any(_compared(eq, record.get(field), value) for value in values)

    def field(self) -> str:
        kind, word, _ = self.tokens[self.at]
        if kind != "word":
            raise self.unexpected()
        if self.names and word not in self.names:
            raise ODataError(f"Could not find a property named '{word}'.")
        self.at += 1
        return word

    def literal(self) -> Any:
        kind, word, _ = self.tokens[self.at]
        if kind not in ("text", "word"):
            raise self.unexpected()
        self.at += 1
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if word.lower() in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word.lower()]
        return int(word) if word.isdecimal() else word

    def take(self, word: str) -> bool:
        kind, found, _ = self.tokens[self.at]
        if kind in ("word", "mark") and found.lower() == word:
            self.at += 1
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise self.unexpected()

    def unexpected(self) -> ODataError:
        kind, word, place = self.tokens[self.at]
        what = "the end" if kind == "end" else f"'{word}'"
        return ODataError(f"Syntax error: unexpected {what} at position {place} of the filter.")


def _compared(check: Callable[[Any, Any], bool], found: Any, value: Any) -> bool:
    if isinstance(found, str) and isinstance(value, str):
        return check(found.casefold(), value.casefold())
    if check in (eq, ne) or (isinstance(found, int) and isinstance(value, int)):
        return check(found, value)
    return False
