"""How the simulation's logs lie on disk: one file a day, old days compressed, today's with a half-written last line."""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import json

type Row = Mapping[str, Any]
type Timed = tuple[float, Row]


def stamp(at: float, digits: int = 6) -> str:
    """RFC 3339 in UTC with a Z; with 7 digits as Microsoft writes it."""
    text = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return (text + "0" if digits == 7 else text[: len(text) - 6 + digits]) + "Z"


def day_of(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).date().isoformat()


def ndjson(rows: Iterable[Row]) -> bytes:
    return b"".join(json.encode(row) + b"\n" for row in rows)


def write_json_days(folder: Path, stem: str, ending: str, rows: list[Timed], anchor: float) -> None:
    """`rows` with their times into STEM.DAY.ENDING.gz and STEM.ENDING, as JSON lines."""
    for day, lines in _days(rows):
        _write_day(folder, stem, ending, day, anchor, b"", ndjson(lines))


def write_tsv_days(
    folder: Path, stem: str, fields: Sequence[tuple[str, str]], rows: list[Timed], anchor: float
) -> None:
    """The same as Zeek's tab-separated files; `fields` are names with Zeek types."""
    names = [name for name, _ in fields]
    for day, lines in _days(rows):
        head = (
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
            f"#path\t{stem}\n#open\t{day}-00-00-00\n#fields\t"
            + "\t".join(names)
            + "\n#types\t"
            + "\t".join(kind for _, kind in fields)
            + "\n"
        )
        body = "".join("\t".join(_cell(line.get(name)) for name in names) + "\n" for line in lines)
        is_closed = day != day_of(anchor)
        tail = f"#close\t{day}-23-59-59\n" if is_closed else ""
        _write_day(folder, stem, "log", day, anchor, head.encode(), (body + tail).encode())


def _days(rows: list[Timed]) -> Iterable[tuple[str, list[Row]]]:
    ordered = sorted(rows, key=lambda row: row[0])
    for day, group in groupby(ordered, key=lambda row: day_of(row[0])):
        yield day, [row for _, row in group]


def _write_day(folder: Path, stem: str, ending: str, day: str, anchor: float, head: bytes, body: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if day == day_of(anchor):
        (folder / f"{stem}.{ending}").write_bytes(head + body + _half_line(body))
    else:
        packed = gzip.compress(head + body, compresslevel=5, mtime=0)
        (folder / f"{stem}.{day}.{ending}.gz").write_bytes(packed)


def _half_line(body: bytes) -> bytes:
    """What a writer leaves behind between two flushes: the beginning of a line."""
    first = body.split(b"\n", 1)[0]
    return first[: max(12, len(first) // 3)]


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, list):
        return ",".join(str(each) for each in value) if value else "(empty)"
    return str(value)
