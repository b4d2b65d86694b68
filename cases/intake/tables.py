"""Rows of text tables as objects: Zeek's own TSV and CSV with a header line."""

import csv
import re
from collections.abc import Iterator
from typing import Any

from cases.intake.base import FieldProblem

type Row = tuple[bytes, dict[str, Any] | FieldProblem]  # the bytes of the row; what was read or why not

_COLUMN = re.compile(r"[A-Za-z_@][\w .@/()-]{0,63}")


def is_csv_header(line: str) -> bool:
    """Two or more column names and nothing else; a log line hardly ever looks like that."""
    try:
        cells = next(csv.reader([line]), [])
    except csv.Error:
        return False
    return len(cells) > 1 and len(set(cells)) == len(cells) and all(_COLUMN.fullmatch(cell.strip()) for cell in cells)


def csv_rows(lines: Iterator[bytes]) -> Iterator[Row]:
    """Objects by the names of the header line; quoted cells may run over several lines."""
    consumed: list[bytes] = []

    def texts() -> Iterator[str]:
        for line in lines:
            consumed.append(line)
            yield line.decode("utf-8", errors="replace").replace("\x00", "�")

    reader = csv.reader(texts())
    header = [cell.strip() for cell in next(reader, [])]
    while True:
        consumed.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield b"".join(consumed), FieldProblem(field=f"line {reader.line_num}", message=f"not CSV: {error}")
            continue
        if cells:
            yield b"".join(consumed), _row(header, cells, reader.line_num)


def _row(header: list[str], cells: list[str], line: int) -> dict[str, Any] | FieldProblem:
    if len(cells) > len(header):
        return FieldProblem(field=f"line {line}", message=f"{len(cells)} cells under {len(header)} columns")
    return dict(zip(header, cells, strict=False))


def zeek_rows(lines: Iterator[bytes]) -> Iterator[Row]:
    """Objects by `#fields`, typed by `#types`, unset fields left out, the log's name under `_path`."""
    table = _Zeek()
    for number, line in enumerate(lines, start=1):
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if text.startswith("#"):
            table.read_directive(text)
        elif text:
            yield line, table.row(text, number)


class _Zeek:
    """The directives of a Zeek log, which say how to read its rows."""

    def __init__(self) -> None:
        self.separator, self.set_separator = "\t", ","
        self.empty, self.unset, self.path = "(empty)", "-", ""
        self.fields: list[str] = []
        self.types: list[str] = []

    def read_directive(self, line: str) -> None:
        if line.startswith("#separator"):
            word = line.partition(" ")[2].strip()
            self.separator = chr(int(word[2:], 16)) if re.fullmatch(r"\\x[0-9a-fA-F]{2}", word) else word or "\t"
            return
        name, *values = line.split(self.separator)
        match name:
            case "#fields":
                self.fields = values
            case "#types":
                self.types = values
            case "#set_separator" | "#empty_field" | "#unset_field" | "#path" if values:
                attribute = name.removeprefix("#").removesuffix("_field")
                setattr(self, attribute, values[0])

    def row(self, line: str, number: int) -> dict[str, Any] | FieldProblem:
        cells = line.split(self.separator)
        if not self.fields or len(cells) != len(self.fields):
            return FieldProblem(field=f"line {number}", message=f"{len(cells)} cells under {len(self.fields)} fields")
        types = self.types if len(self.types) == len(cells) else [""] * len(cells)
        row = {
            name: self._value(cell, kind)
            for name, cell, kind in zip(self.fields, cells, types, strict=True)
            if cell != self.unset
        }
        return {"_path": self.path, **row} if self.path else row

    def _value(self, cell: str, kind: str) -> Any:
        if kind.startswith(("set", "vector", "table")):
            return [] if cell == self.empty else cell.split(self.set_separator)
        if kind in {"count", "int", "port"}:
            return int(cell) if cell.lstrip("-").isascii() and cell.lstrip("-").isdigit() else cell
        if kind == "bool":
            return {"T": True, "F": False}.get(cell, cell)
        return "" if cell == self.empty else cell
