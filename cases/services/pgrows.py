"""Many rows in one PostgreSQL statement: VALUES for a handful, one array per column for more.

The texts are few whatever the number of rows, so that statements stay prepared. A handful stands as VALUES because the
planner then expects as many rows of any parameters as of these, and from the sixth time on keeps its plan, which for
one alert costs more than the statement; of an array it would expect ten.
"""
# ruff: noqa: S608 - table and column names are ours, values go as parameters

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import models

Columns = tuple[str, ...]
HANDFUL = 5  # rows up to which single values are cheaper than arrays of them

_KINDS = {  # of columns; all others are numbers
    "CharField": "text",
    "TextField": "text",
    "JSONField": "text",
    "DateTimeField": "timestamptz",
    "BooleanField": "boolean",
    "BinaryField": "bytea",
}


def params(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What goes with any of the texts below."""
    if len(rows) <= HANDFUL:
        return [value for row in rows for value in row]
    return [list(values) for values in zip(*rows, strict=True)]


def keys(kinds: Sequence[str], names: Sequence[str], number: int) -> str:
    """The table `k` of rows to look for, with columns of these types and names."""
    if number <= HANDFUL:
        source = f"(VALUES {_typed(kinds, number)})"
    else:
        source = f"unnest({', '.join(f'%b::{kind}[]' for kind in kinds)})"
    return f"{source} AS k ({', '.join(names)})"


def news(model: type[models.Model], columns: Columns, number: int) -> str:
    """The table `v` of new values of a model."""
    names = ", ".join(columns)
    if number > HANDFUL:
        return f"({_selection(model, columns)}) AS v ({names})"
    kinds = ["jsonb" if is_json else kind for kind, is_json in _kinds(model, columns)]
    return f"(VALUES {_typed(kinds, number)}) AS v ({names})"


def insertion(model: type[models.Model], columns: Columns, number: int) -> str:
    """INSERT of so many rows, without a word on conflicts."""
    if number <= HANDFUL:
        marks = ", ".join(["%s"] * len(columns))
        values = f"VALUES {', '.join([f'({marks})'] * number)}"
    else:
        values = _selection(model, columns)
    return f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) {values}"


def fields(model: type[models.Model], columns: Columns) -> list["models.Field[Any, Any]"]:
    """The model's fields in the order of these columns."""
    by_column = {field.column: field for field in model._meta.concrete_fields}
    return [by_column[column] for column in columns]


def _typed(kinds: Sequence[str], number: int) -> str:
    row = f"({', '.join(f'%s::{kind}' for kind in kinds)})"
    return ", ".join([row] * number)


@lru_cache(maxsize=64)
def _selection(model: type[models.Model], columns: Columns) -> str:
    """Rows out of one array per column, sent in binary (%b): as text, each value would be searched for quotes."""
    kinds = _kinds(model, columns)
    picked = ", ".join(f"c{place}::jsonb" if is_json else f"c{place}" for place, (_, is_json) in enumerate(kinds))
    names = ", ".join(f"c{place}" for place in range(len(columns)))
    return f"SELECT {picked} FROM unnest({', '.join(f'%b::{kind}[]' for kind, _ in kinds)}) AS u ({names})"


@lru_cache(maxsize=64)
def _kinds(model: type[models.Model], columns: Columns) -> tuple[tuple[str, bool], ...]:
    """Of each column the type to send, and whether it holds JSON, which is sent as text."""
    return tuple(
        (_KINDS.get(field.get_internal_type(), "bigint"), isinstance(field, models.JSONField))
        for field in fields(model, columns)
    )
