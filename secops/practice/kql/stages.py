"""Carries out the stages of a query over a stream of rows."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any

import msgspec

from secops.practice.kql.aggregates import make
from secops.practice.kql.compile import Compiler, Value
from secops.practice.kql.error import KqlError
from secops.practice.kql.table_files import Row, text_of
from secops.practice.kql.tree import Column, Distinct, Order, Project, Stage, Summarize, Take, Where

MAX_ROWS = 10_000  # rows of an answer, and rows that a sort keeps
MAX_GROUPS = 100_000

Columns = dict[str, str]
Stream = tuple[Columns, Iterator[Row]]


def carry_out(stage: Stage, stream: Stream, now: datetime) -> Stream:
    """The columns and rows behind one stage; errors in names and types are raised before the first row."""
    columns, rows = stream
    compiler = Compiler(columns, now)
    match stage:
        case Where():
            return columns, filter(compiler.test(stage.test), rows)
        case Project():
            return _project(stage, columns, rows, compiler)
        case Summarize():
            return _summarize(stage, columns, rows, compiler)
        case Order():
            keys = [(compiler.column(column)[1], is_descending) for column, is_descending in stage.keys]
            return columns, _order(stage, rows, keys)
        case Take():
            return columns, islice(rows, stage.count)
        case Distinct():
            return _distinct(stage, columns, rows, compiler)


def _project(stage: Project, columns: Columns, rows: Iterator[Row], compiler: Compiler) -> Stream:
    kept = {new: compiler.column(column)[0] for new, column in stage.columns}
    if len(kept) < len(stage.columns):
        raise KqlError("A column name is used twice", stage.at)
    pairs = [(new, column.name) for new, column in stage.columns]
    return kept, ({new: row.get(old) for new, old in pairs} for row in rows)


def _distinct(stage: Distinct, columns: Columns, rows: Iterator[Row], compiler: Compiler) -> Stream:
    kept = {column.name: compiler.column(column)[0] for column in stage.columns}
    return kept, (dict(zip(kept, key, strict=True)) for key in _keys(stage.columns, rows))


def _keys(columns: tuple[Column, ...], rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    names, seen = [column.name for column in columns], set[tuple[Any, ...]]()
    for row in rows:
        key = tuple(_hashable(row.get(name)) for name in names)
        if key not in seen:
            if len(seen) == MAX_GROUPS:
                raise KqlError(f"The query makes more than {MAX_GROUPS} distinct rows", columns[0].at)
            seen.add(key)
            yield key


def _summarize(stage: Summarize, columns: Columns, rows: Iterator[Row], compiler: Compiler) -> Stream:
    makers = [make(aggregate, compiler) for aggregate in stage.aggregates]
    kept = {column.name: compiler.column(column)[0] for column in stage.by}
    kept |= {each.name: kind for each, (kind, _) in zip(stage.aggregates, makers, strict=True)}
    if len(kept) < len(stage.by) + len(makers):
        raise KqlError("A column name is used twice", stage.at)
    return kept, _groups(stage, rows, [maker for _, maker in makers], list(kept))


def _groups(stage: Summarize, rows: Iterator[Row], makers: list[Callable[[], Any]], names: list[str]) -> Iterator[Row]:
    by = [column.name for column in stage.by]
    groups: dict[tuple[Any, ...], list[Any]] = {}
    if not by:
        groups[()] = [maker() for maker in makers]
    for row in rows:
        key = tuple(_hashable(row.get(name)) for name in by)
        counters = groups.get(key)
        if counters is None:
            if len(groups) == MAX_GROUPS:
                raise KqlError(f"The query makes more than {MAX_GROUPS} groups", stage.at)
            counters = groups[key] = [maker() for maker in makers]
        for counter in counters:
            counter.add(row)
    for key, counters in groups.items():
        yield dict(zip(names, (*key, *(counter.result() for counter in counters)), strict=True))


def _order(stage: Order, rows: Iterator[Row], keys: list[tuple[Value, bool]]) -> Iterator[Row]:
    # Kept as text: ten thousand rows as objects would be a hundred megabytes.
    packed = (
        (tuple(_Key(value(row), is_descending) for value, is_descending in keys), msgspec.json.encode(row))
        for row in rows
    )
    count = MAX_ROWS if stage.first is None else min(stage.first, MAX_ROWS)
    for _, text in heapq.nsmallest(count, packed, key=itemgetter(0)):
        yield msgspec.json.decode(text)


class _Key:
    """A value to sort by; nothing comes first when ascending and last when descending, as in KQL."""

    __slots__ = ("is_descending", "value")

    def __init__(self, value: Any, is_descending: bool) -> None:
        self.value, self.is_descending = value, is_descending

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: "_Key") -> bool:
        a, b = (other.value, self.value) if self.is_descending else (self.value, other.value)
        if a is None or b is None:
            return a is None and b is not None
        return bool(a < b)


def _hashable(value: Any) -> Any:
    """Lists and objects group by what they say."""
    return text_of(value) if isinstance(value, list | dict) else value
