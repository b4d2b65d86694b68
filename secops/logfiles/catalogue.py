"""Which files of a folder are what: by their content first, by their name where the content does not say."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode

HEAD_BYTES = 262_144  # enough for a Zeek header or the first event of any log
MOST_FILES = 20_000
GZIP_MAGIC = b"\x1f\x8b"
SUFFIXES = (".log", ".json", ".ndjson", ".jsonl", ".labeled")


class Kind(StrEnum):
    """What a file holds; the Zeek ones are named as Zeek names its streams."""

    CONN = "conn"
    HTTP = "http"
    SSL = "ssl"
    DHCP = "dhcp"
    SMB = "smb_files"
    EVE = "eve"
    WINDOWS = "windows"
    DLP = "dlp"
    FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One file; `fields`, `separator` and `header_lines` only for Zeek's tab-separated form."""

    path: Path
    kind: Kind
    size: int
    changed_ns: int
    is_packed: bool = False
    fields: tuple[str, ...] = ()
    separator: str = ""
    header_lines: int = 0

    @property
    def is_tsv(self) -> bool:
        return bool(self.fields)


ZEEK_MARKS: dict[Kind, frozenset[str]] = {  # one of these keys is in each line of the stream and in no other
    Kind.CONN: frozenset({"conn_state", "missed_bytes", "orig_ip_bytes"}),
    Kind.HTTP: frozenset({"request_body_len", "response_body_len"}),
    Kind.SSL: frozenset({"server_name", "resumed", "established"}),
    Kind.DHCP: frozenset({"assigned_addr", "assigned_ip", "lease_time", "msg_types"}),
    Kind.SMB: frozenset({"times_modified", "prev_name"}),
}


class Catalogue:
    """The readable logs of a folder. Asked again, it looks only into files that are new or have changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, tuple[int, int, LogFile | None]] = {}

    def files(self) -> list[LogFile]:
        """Every log that can be read, by path. OSError when the folder cannot be listed."""
        known, found = {}, []
        for path in sorted(_candidates(self.folder))[:MOST_FILES]:
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue  # rotated away while we looked
            old = self._known.get(path)
            if old and old[:2] == (stat.st_size, stat.st_mtime_ns):
                known[path] = old
            else:
                known[path] = (stat.st_size, stat.st_mtime_ns, recognise(path))
            if log := known[path][2]:
                found.append(log)
        self._known = known
        return found


def _candidates(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") for part in parts) and _has_log_name(path.name) and path.is_file():
            yield path


def _has_log_name(name: str) -> bool:
    """conn.log, conn.2026-11-20.log.gz, eve.json.1, conn.log.labeled."""
    return any(suffix in name.lower() for suffix in SUFFIXES)


def recognise(path: Path) -> LogFile | None:
    """What the file is, or None when it is no log of ours or cannot be read yet."""
    try:
        return _recognise(path)
    except OSError:
        return None


def _recognise(path: Path) -> LogFile | None:
    stat = path.stat()
    head = read_head(path)
    if head.startswith("#separator"):
        return _zeek_table(path, head, stat.st_size, stat.st_mtime_ns)
    first = _first_object(head)
    kind = _kind_of_object(first, path.name) if first else None
    if kind is None:
        return None
    return LogFile(path=path, kind=kind, size=stat.st_size, changed_ns=stat.st_mtime_ns, is_packed=is_packed(path))


def is_packed(path: Path) -> bool:
    """Is the file gzipped, whatever its name says?"""
    with path.open("rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def read_head(path: Path, size: int = HEAD_BYTES) -> str:
    """The first bytes as text, unpacked when gzipped, even when the packed file is still being written."""
    with path.open("rb") as file:
        data = file.read(size)
    if data.startswith(GZIP_MAGIC):
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, size)
        except zlib.error:
            data = b""
    return data.decode("utf-8-sig", errors="replace")


def _zeek_table(path: Path, head: str, size: int, changed_ns: int) -> LogFile | None:
    header: dict[str, str] = {}
    lines = 0
    for line in head.splitlines():
        if not line.startswith("#"):
            break
        lines += 1
        separator = _separator(header.get("separator", ""))
        key, _, value = line[1:].partition(" " if line.startswith("#separator") else separator)
        header[key] = value
    separator = _separator(header.get("separator", ""))
    fields = tuple(header.get("fields", "").split(separator))
    kind = header.get("path", "")
    if kind not in set(ZEEK_MARKS) or len(fields) < 2:
        return None
    return LogFile(
        path=path,
        kind=Kind(kind),
        size=size,
        changed_ns=changed_ns,
        is_packed=is_packed(path),
        fields=fields,
        separator=separator,
        header_lines=lines,
    )


def _separator(written: str) -> str:
    r"""Zeek writes the byte as \x09."""
    return chr(int(written[2:], 16)) if written.startswith("\\x") else written or "\t"


def _first_object(head: str) -> Mapping[str, Any] | None:
    for line in head.lstrip("[ \r\n\t").splitlines()[:5]:
        try:
            value = decode(line.strip().rstrip(",]"))
        except DecodeError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _kind_of_object(event: Mapping[str, Any], name: str) -> Kind | None:
    if "event_type" in event and ("flow_id" in event or "src_ip" in event or "stats" in event):
        return Kind.EVE
    if is_windows_event(event):
        return Kind.WINDOWS
    if event.get("Workload") == "Endpoint" and "Operation" in event:
        return Kind.DLP
    if _is_inventory(event):
        return Kind.FILES
    if "ts" not in event:
        return None
    stream = str(event.get("_path") or event.get("@stream") or "")
    if stream:
        return Kind(stream) if stream in set(ZEEK_MARKS) else None
    return _kind_by_keys(event) or _kind_by_name(name)


def _is_inventory(event: Mapping[str, Any]) -> bool:
    """Files with their hashes in the Elastic Common Schema, as integrity monitors and file scans write them."""
    file = event.get("file")
    is_file = isinstance(file, dict) and isinstance(file.get("hash"), dict)
    return is_file and isinstance(event.get("host"), dict) and "@timestamp" in event


def _kind_by_keys(event: Mapping[str, Any]) -> Kind | None:
    return next((kind for kind, marks in ZEEK_MARKS.items() if marks & event.keys()), None)


def _kind_by_name(name: str) -> Kind | None:
    """conn.log, NASHUA_conn.log, labeled-conn.log: the word before the first dot, or its last part."""
    stem = name.lower().split(".")[0].replace("-", "_")
    return next((kind for kind in ZEEK_MARKS if stem == kind or stem.endswith(f"_{kind}")), None)


def is_windows_event(event: Mapping[str, Any]) -> bool:
    """Flat (EventID), as XML turned JSON (Event.System), as Winlogbeat (winlog) or as Wazuh (win) writes it."""
    if "EventID" in event or "winlog" in event or "win" in event:
        return True
    inner = event.get("Event", event)
    return isinstance(inner, dict) and isinstance(inner.get("System"), dict)
