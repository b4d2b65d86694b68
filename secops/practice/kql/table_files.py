"""The advanced-hunting tables on disk, read line by line so that memory stays flat however big they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

Row = dict[str, Any]
_decode = msgspec.json.Decoder(type=dict[str, Any]).decode


class Tables:
    """DATA/practice/tables/<Table>.ndjson"""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._columns: dict[str, tuple[int, dict[str, str]]] = {}

    def has(self, name: str) -> bool:
        """Whether there is such a table; names are spelled exactly."""
        return name.isidentifier() and self._path(name).is_file()

    def rows(self, name: str) -> Iterator[Row]:
        """All rows in the order of the file."""
        with self._path(name).open("rb") as lines:
            for line in lines:
                if not line.isspace():
                    yield _decode(line)

    def columns(self, name: str) -> dict[str, str]:
        """The columns that the rows really have, with their type by the values found; read once per file."""
        changed_at = self._path(name).stat().st_mtime_ns
        kept = self._columns.get(name)
        if kept is None or kept[0] != changed_at:
            kept = changed_at, _columns(self.rows(name))
            self._columns[name] = kept
        return kept[1]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.ndjson"


def text_of(value: Any) -> str:
    """A value as KQL shows it as a string."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _columns(rows: Iterator[Row]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None and found.get(name, "long") == "long":
                found[name] = _kind(name, value)
    return found


def _kind(name: str, value: Any) -> str:
    """KQL's name for the type of a value in a column."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "long"
    if isinstance(value, float):
        return "real"
    if isinstance(value, str):
        return "datetime" if name == "Timestamp" or name.endswith("Time") else "string"
    return "dynamic"
