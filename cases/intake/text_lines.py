"""Text that is no JSON as objects: Zeek TSV, Windows XML, CSV with a header, and logs line by line."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from cases.intake.base import FieldProblem
from cases.intake.lines import read_line
from cases.intake.sources import lines
from cases.intake.tables import Row, csv_rows, is_csv_header, zeek_rows
from cases.intake.xml_events import read_event

_EVENT, _EVENT_END = b"<Event", b"</Event>"
_EVENT_START = re.compile(rb"<Event(?=[\s>])")


def read_text(head: bytes, chunks: Iterator[bytes], max_bytes: int) -> Iterator[Row]:
    """The bytes and the object of each message, by what the head looks like."""
    begin = head.lstrip()
    if begin.startswith(b"#"):
        return zeek_rows(_short(chunks, max_bytes))
    if begin.startswith((b"<Event", b"<?xml")):
        return _events(chunks, max_bytes)
    first, _, _ = begin.partition(b"\n")
    if is_csv_header(first.decode("utf-8", errors="replace").strip()):
        return csv_rows(_short(chunks, max_bytes))
    return _log_lines(chunks, max_bytes)


def _short(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """Lines of tables; one that is too long becomes a row that fits no header, so its own row is refused."""
    return (b"," * 2000 + b"\n" if line is None else line for line in lines(chunks, max_bytes))


def _log_lines(chunks: Iterator[bytes], max_bytes: int) -> Iterator[Row]:
    for line in lines(chunks, max_bytes):
        if line is None:
            yield b"", FieldProblem(field="body", message=f"a line of more than {max_bytes} bytes")
        elif text := line.decode("utf-8", errors="replace").strip():
            yield line, read_event(text) or read_line(text) if text.startswith("<Event") else read_line(text)


def _events(chunks: Iterator[bytes], max_bytes: int) -> Iterator[Row]:
    """Windows events, each on one line or on many."""
    pending = b""
    for chunk in chunks:
        pending += chunk
        *whole, pending = pending.split(_EVENT_END)
        for part in whole:
            yield from _pieces(part + _EVENT_END, max_bytes)
        if len(pending) > max_bytes:
            yield b"", FieldProblem(field="body", message=f"an event of more than {max_bytes} bytes")
            pending = b""
    if _EVENT in pending and pending.rstrip() not in {b"</Events>", b""}:
        yield from _pieces(pending, max_bytes)


def _pieces(part: bytes, max_bytes: int) -> Iterator[Row]:
    """The event that ends here, and those before it that were cut and never ended."""
    starts = [match.start() for match in _EVENT_START.finditer(part)] or [0]
    for start, end in pairwise([*starts, len(part)]):
        yield _event(part[start:end], max_bytes)


def _event(body: bytes, max_bytes: int) -> Row:
    if len(body) > max_bytes:
        return b"", FieldProblem(field="body", message=f"an event of more than {max_bytes} bytes")
    text = body.decode("utf-8", errors="replace").strip()
    found: dict[str, Any] | None = read_event(text)
    return body, found or {"message": text, "format": "xml"}
