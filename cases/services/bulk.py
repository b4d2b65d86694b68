"""The only place with SQL of its own (pgrows holds its texts for PostgreSQL): many rows per statement, COPY and UNNEST
on PostgreSQL, executemany and json_each on SQLite. The ORM's bulk methods reach a sixth of this speed (PERFORMANCE.md
part 4, rule 3).

Rows are tuples in the order of the columns named; JSON values come as text that is ready to store.
"""
# ruff: noqa: S608 - table and column names are ours, values go as parameters

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from django.db import connection, models
from psycopg.pq import PipelineStatus

from cases.services import pgrows

Row = tuple[Any, ...]
_json = msgspec.json.Encoder()
FEW = 20  # rows that are sooner written by a prepared INSERT than by COPY, which is never prepared


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


@contextmanager
def together(number: int) -> Iterator[None]:
    """Send the writes inside at once, without waiting for each: of a batch of a few alerts, waiting is the most.

    Nothing may be read inside. What fails, fails at the end.
    """
    if number > FEW or not is_postgres():
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def new_ids(*wanted: tuple[type[models.Model], int]) -> list[range | list[int]]:
    """Ids that no other transaction will use, per (model, how many); gaps are allowed."""
    if not is_postgres():
        return _next_ids(wanted)
    parts = [
        f"SELECT {place}, nextval(pg_get_serial_sequence('{model._meta.db_table}', 'id')) FROM generate_series(1, %s)"
        for place, (model, _) in enumerate(wanted)
    ]
    found: list[list[int]] = [[] for _ in wanted]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), [number for _, number in wanted])
        for place, new_id in cursor.fetchall():
            found[place].append(new_id)
    return [sorted(ids) for ids in found]


def _next_ids(wanted: Sequence[tuple[type[models.Model], int]]) -> list[range | list[int]]:
    """SQLite: there is one writer, and this transaction holds the lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, seq FROM sqlite_sequence")
        last = dict(cursor.fetchall())
    starts = [last.get(model._meta.db_table, 0) + 1 for model, _ in wanted]
    return [range(start, start + number) for start, (_, number) in zip(starts, wanted, strict=True)]


def add(model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert all rows. IntegrityError when one exists already: somebody was faster, do the batch again."""
    if not rows:
        return
    table, names = model._meta.db_table, ", ".join(columns)
    if not is_postgres():
        _many(f"INSERT INTO {table} ({names}) VALUES ({_marks(columns)})", model, columns, rows)
        return
    if len(rows) <= FEW or _is_together():
        _insert(model, columns, rows)
        return
    sql = f"COPY {table} ({names}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(sql) as copy:
        for row in rows:
            copy.write_row(row)


def add_or(
    model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row], *, key: str, otherwise: str
) -> None:
    """Insert each row, or do what `otherwise` says where `key` exists: NOTHING or UPDATE SET ... ."""
    if not rows:
        return
    table, names = model._meta.db_table, ", ".join(columns)
    conflict = f"ON CONFLICT ({key}) DO {otherwise}"
    if not is_postgres():
        sql = f"INSERT INTO {table} ({names}) VALUES ({_marks(columns)}) {conflict}"
        _many(sql, model, columns, rows)
        return
    _insert(model, columns, rows, conflict)


def found_or_added(
    model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row], *, key: str
) -> dict[Any, int]:
    """Ids by `key`, a text column with a unique constraint, of rows that exist or are inserted now."""
    if not rows:
        return {}
    place, table = columns.index(key), model._meta.db_table
    wanted = [(row[place],) for row in rows]
    find_all = f"SELECT t.id, t.{key} FROM {table} t JOIN {{keys}} ON t.{key} = k.a"
    ids: dict[Any, int] = {}
    if is_postgres():
        keys = pgrows.keys(["text"], "a", len(wanted))
        sql = (
            f"WITH fresh AS ({pgrows.insertion(model, columns, len(rows))}"
            f" ON CONFLICT ({key}) DO NOTHING RETURNING id, {key})"
            f" SELECT id, {key} FROM fresh UNION ALL"
            f" SELECT id, {key} FROM {table} JOIN {keys} ON {key} = k.a"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [*pgrows.params(rows), *pgrows.params(wanted)])
            ids = {value: pk for pk, value in cursor.fetchall()}
    else:
        add_or(model, columns, rows, key=key, otherwise="NOTHING")
    if len(ids) < len(rows):  # also where another transaction was faster: its rows came after the statement began
        ids = {value: pk for pk, value in find(find_all, "text", wanted)}
    return ids


def change(model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row], *, to: str) -> None:
    """Update the row of each id, which is the first column. `to` is the SET clause; it reads the new values as v.x."""
    if not rows:
        return
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if is_postgres():
            source, params = pgrows.news(model, columns, len(rows)), pgrows.params(rows)
        else:
            # SQLite names the columns of a subquery by the subquery itself
            picked = ", ".join(f"value ->> {place} AS {name}" for place, name in enumerate(columns))
            source = f"(SELECT {picked} FROM json_each(%s)) AS v"
            params = [json.dumps(_encoded(model, columns, rows))]
        cursor.execute(f"UPDATE {table} SET {to} FROM {source} WHERE {table}.id = v.id", params)


def find(select: str, kinds: str, rows: Sequence[Row]) -> list[Row]:
    """Rows of a SELECT that joins `{keys}`, a table `k` of the given rows with columns a, b, ...; for `kinds` name
    their PostgreSQL types. Where PostgreSQL must lock what it reads, {lock} becomes the clause."""
    if not rows:
        return []
    names = "abcdef"[: len(rows[0])]
    with connection.cursor() as cursor:
        if is_postgres():
            keys, params = pgrows.keys(kinds.split(), names, len(rows)), pgrows.params(rows)
        else:
            picked = ", ".join(f"value ->> {place} AS {name}" for place, name in enumerate(names))
            keys = f"(SELECT {picked} FROM json_each(%s)) AS k"
            params = [json.dumps(rows)]
        cursor.execute(select.replace("{keys}", keys), params)
        found: list[Row] = cursor.fetchall()
        return found


def all_rows(model: type[models.Model], *, beside: str = "NULL", at: datetime) -> tuple[Row, ...]:
    """Every row of a small table as it is stored, JSON as text; to be compared with those of the last time.

    `beside` is asked in the same statement and ends each row; it may read the time, as its one parameter.
    """
    with connection.cursor() as cursor:
        cursor.execute(_selection(model, beside), [connection.ops.adapt_datetimefield_value(at)] * beside.count("%s"))
        return tuple(cursor.fetchall())


@lru_cache(maxsize=8)
def _selection(model: type[models.Model], beside: str) -> str:
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    return f"SELECT {columns}, {beside} FROM {model._meta.db_table} ORDER BY id"


def as_json(value: Any) -> str:
    """A value of a JSON column, as a row of ours holds it."""
    return _json.encode(value).decode()


def locked(order: str, table: str) -> str:
    """The end of a SELECT that locks what it finds, always in the same order; SQLite has one writer anyway."""
    return f"ORDER BY {order} FOR UPDATE OF {table}" if is_postgres() else f"ORDER BY {order}"


def read_time(value: Any) -> Any:
    """A time out of a raw SELECT: SQLite knows no zone, all its times are UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _is_together() -> bool:
    return bool(connection.connection.pgconn.pipeline_status != PipelineStatus.OFF)


def _insert(model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row], conflict: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"{pgrows.insertion(model, columns, len(rows))} {conflict}", pgrows.params(rows))


def _marks(columns: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(columns))


def _many(sql: str, model: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql, _encoded(model, columns, rows))


def _encoded(model: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> Any:
    """SQLite keeps times as text; everything else goes as it is."""
    places = _time_places(model, columns)
    if not places:
        return rows
    adapt: Callable[[Any], Any] = connection.ops.adapt_datetimefield_value
    seen: dict[Any, Any] = {None: None}
    encoded = []
    for row in rows:
        values = list(row)
        for place in places:
            value = values[place]
            if value not in seen:
                seen[value] = str(adapt(value))
            values[place] = seen[value]
        encoded.append(values)
    return encoded


@lru_cache(maxsize=64)
def _time_places(model: type[models.Model], columns: tuple[str, ...]) -> tuple[int, ...]:
    fields = enumerate(pgrows.fields(model, columns))
    return tuple(place for place, field in fields if isinstance(field, models.DateTimeField))
