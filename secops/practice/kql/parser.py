"""Reads a KQL query: a table and the stages behind it."""

from collections.abc import Callable

from secops.practice.kql.error import KqlError
from secops.practice.kql.expressions import Expressions
from secops.practice.kql.tokens import tokens
from secops.practice.kql.tree import (
    Aggregate,
    Column,
    Distinct,
    Order,
    Project,
    Query,
    Stage,
    Summarize,
    Take,
    Where,
)
from secops.practice.kql.words import Words

MAX_STAGES = 30
AGGREGATES = ("count", "dcount", "sum", "min", "max", "make_set")


def parse(query: str) -> Query:
    """The tree of a query; `KqlError` for anything outside the subset."""
    return _Parser(query).query()


class _Parser:
    def __init__(self, query: str) -> None:
        self._words = Words(tokens(query))
        self._expressions = Expressions(self._words)
        self._readers: dict[str, Callable[[int], Stage]] = {
            "where": self._where,
            "project": self._project,
            "summarize": self._summarize,
            "order": self._order,
            "top": self._top,
            "take": self._take,
            "limit": self._take,
            "distinct": self._distinct,
        }

    def query(self) -> Query:
        table = self._words.name()
        stages: list[Stage] = []
        while self._words.take("|"):
            if len(stages) == MAX_STAGES:
                raise KqlError(f"The query has more than {MAX_STAGES} stages", self._words.next.at)
            stages.append(self._stage(stages))
        if self._words.next.kind != "end":
            raise self._words.unexpected("'|' or the end of the query")
        return Query(table.text, tuple(stages), table.at)

    def _stage(self, before: list[Stage]) -> Stage:
        word = self._words.next
        reader = self._readers.get(word.text) if word.kind == "name" else None
        if reader is None:
            raise self._words.unexpected(f"one of the operators {', '.join(self._readers)}")
        self._words.advance()
        stage = reader(word.at)
        is_sorted = any(isinstance(each, Order) and each.first is None for each in before)
        if is_sorted and not isinstance(stage, Project | Take | Order):
            raise KqlError(f"'{word.text}' after 'order by' is not supported here", word.at)
        return stage

    def _where(self, at: int) -> Where:
        return Where(self._expressions.whole(), at)

    def _project(self, at: int) -> Project:
        return Project(tuple(self._separated(self._projected)), at)

    def _projected(self) -> tuple[str, Column]:
        if self._words.is_followed_by("="):
            name = self._words.name()
            self._words.need("=")
            return name.text, self._words.column()
        column = self._words.column()
        return column.name, column

    def _summarize(self, at: int) -> Summarize:
        has_aggregates = not (self._words.next.kind == "name" and self._words.next.text == "by")
        aggregates = self._separated(self._aggregate) if has_aggregates else []
        by = self._separated(self._words.column) if self._words.take("by") else []
        return Summarize(tuple(aggregates), tuple(by), at)

    def _aggregate(self) -> Aggregate:
        alias = ""
        if self._words.is_followed_by("="):
            alias = self._words.name().text
            self._words.need("=")
        function = self._words.name()
        if function.text not in AGGREGATES:
            raise KqlError(f"Unknown aggregate: '{function.text}'", function.at)
        self._words.need("(")
        column = None if function.text == "count" else self._words.column()
        self._words.need(")")
        usual = f"{function.text.removeprefix('make_')}_{column.name if column else ''}"
        return Aggregate(alias or usual, function.text, column, function.at)

    def _order(self, at: int) -> Order:
        self._words.need("by")
        return Order(tuple(self._separated(self._key)), None, at)

    def _top(self, at: int) -> Order:
        count = self._words.count()
        self._words.need("by")
        return Order(tuple(self._separated(self._key)), count, at)

    def _key(self) -> tuple[Column, bool]:
        """Descending unless asc is said, as in KQL."""
        column = self._words.column()
        direction = self._words.take("asc", "desc")
        return column, direction is None or direction.text == "desc"

    def _take(self, at: int) -> Take:
        return Take(self._words.count(), at)

    def _distinct(self, at: int) -> Distinct:
        return Distinct(tuple(self._separated(self._words.column)), at)

    def _separated[T](self, read: Callable[[], T]) -> list[T]:
        found = [read()]
        while self._words.take(","):
            found.append(read())
        return found
