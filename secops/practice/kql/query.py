"""Advanced hunting: runs a query of the KQL subset over the tables and answers in Graph's shape."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from secops.practice.kql.error import KqlError
from secops.practice.kql.hunting_schema import columns_of
from secops.practice.kql.parser import parse
from secops.practice.kql.stages import MAX_ROWS, carry_out
from secops.practice.kql.table_files import Row, Tables

TYPES = {
    "string": "String",
    "long": "Int64",
    "real": "Double",
    "bool": "SByte",
    "datetime": "DateTime",
    "dynamic": "Object",
}
SECOND = len("2026-01-01T00:00:00")


def run(query: str, tables: Tables, *, now: datetime, start: datetime, end: datetime) -> dict[str, Any]:
    """{"schema": [{"name", "type"}], "results": [...]} with at most `MAX_ROWS` rows, each already JSON.

    `KqlError` names the place of what is outside the subset.

    Rows whose Timestamp (RFC 3339, UTC) lies outside `start` to `end` are not there, to the second.
    """
    tree = parse(query)
    columns = columns_of(tree.table, tables)
    if columns is None:
        raise KqlError(f"Failed to resolve table named '{tree.table}'", tree.at)
    rows = tables.rows(tree.table) if tables.has(tree.table) else iter(())
    if "Timestamp" in columns:
        rows = _within(rows, start, end)
    stream = columns, rows
    for stage in tree.stages:
        stream = carry_out(stage, stream, now)
    # A string is never null in Kusto.
    empty = {name: "" if kind == "string" else None for name, kind in stream[0].items()}
    # Rows become text at once: as text they are a fraction of their size.
    results = [msgspec.Raw(msgspec.json.encode(_filled(row, empty))) for row in islice(stream[1], MAX_ROWS)]
    return {
        "schema": [{"name": name, "type": TYPES[kind]} for name, kind in stream[0].items()],
        "results": results,
    }


def _within(rows: Iterator[Row], start: datetime, end: datetime) -> Iterator[Row]:
    # Times in the tables all read alike, so text sorts as time does and costs nothing to compare.
    first, last = start.isoformat()[:SECOND], end.isoformat()[:SECOND]
    return (row for row in rows if first <= row.get("Timestamp", "")[:SECOND] <= last)


def _filled(row: Row, empty: Row) -> Row:
    return {name: nothing if (value := row.get(name)) is None else value for name, nothing in empty.items()}
