"""The logs of one folder as DuckDB tables: each file turned once into Parquet, again only when it has changed."""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from time import monotonic, time
from typing import Any
from zlib import error as ZlibError  # noqa: N812

from duckdb import DuckDBPyConnection, connect
from duckdb import Error as DuckDBError
from duckdb import IOException as DuckDBIOError
from msgspec.json import encode

from secops.logfiles.catalogue import GZIP_MAGIC, Catalogue, Kind, LogFile
from secops.logfiles.tables import SELECTS, TABLES, TABLES_OF, VERSION, quoted, raw_relation
from secops.logfiles.windows import rows

RECHECK_SECONDS = 2.0  # a question asked sooner after another sees the same files
SLOWNESS = 5.0  # for each second that reading took, so many times longer until the next look
RANK = dict.fromkeys(("flows", "web"), "CASE source WHEN 'zeek' THEN '0' ELSE '1' END || filename")  # whom to believe
KEPT_SECONDS = 3600  # a cached file that is no longer wanted may still be being read
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": 2,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class LogStore:
    """Safe for threads. `networks` are inside besides the private ones; `is_relative` admits captures whose times
    count from their start (the year 1970), which are otherwise left out."""

    def __init__(
        self,
        folder: Path,
        cache: Path,
        *,
        networks: tuple[str, ...] = (),
        is_relative: bool = False,
        recheck_seconds: float = RECHECK_SECONDS,
    ) -> None:
        self.networks = networks
        self.is_relative = is_relative
        self.recheck_seconds = recheck_seconds
        self.memo: dict[str, Any] = {}  # what questions worked out from the present files; emptied with them
        self.unreadable: list[Path] = []
        self._catalogue = Catalogue(folder)
        self._cache = cache / sha256(str(folder).encode()).hexdigest()[:16]
        self._lock = Lock()
        self._checked_at = float("-inf")
        self._pause = recheck_seconds
        self._state: tuple[LogFile, ...] = ()
        self._files: dict[str, list[str]] = {}
        self._base = connect(":memory:", config=CONFIG)
        self._base.execute("SET GLOBAL TimeZone = 'UTC'")
        self._base.execute(f"SET GLOBAL temp_directory = {quoted(self._cache / 'spill')}")
        self._base.execute("SET GLOBAL lock_configuration = true")

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of the SQL over flows, web, names, leases and events. OSError when the folder is not readable."""
        self.refresh()
        try:
            return self._fetch(sql, parameters)
        except DuckDBIOError:  # another process has tidied the cache
            self._state, self._checked_at = (), float("-inf")
            self.refresh()
            return self._fetch(sql, parameters)

    def _fetch(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def refresh(self) -> None:
        """Turn new and changed files into Parquet and show them to the queries."""
        with self._lock:
            if monotonic() - self._checked_at < self._pause:
                return
            started = monotonic()
            logs = tuple(self._catalogue.files())
            if logs != self._state or not self._files:
                self._convert(logs)
                self._state = logs
                self.memo = {}
            self._checked_at = monotonic()
            self._pause = self.recheck_seconds * max(1.0, SLOWNESS * (self._checked_at - started))

    def logs(self) -> list[LogFile]:
        """The files that are read, after a look for new ones."""
        self.refresh()
        return [log for log in self._state if log.path not in self.unreadable]

    def _convert(self, logs: Sequence[LogFile]) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        with (self._cache / "lock").open("w") as lock:
            flock(lock, LOCK_EX)  # of several processes that start together one reads, the others find it done
            self._convert_alone(logs)

    def _convert_alone(self, logs: Sequence[LogFile]) -> None:
        files: dict[str, list[str]] = {name: [str(self._empty(name))] for name in TABLES}
        self.unreadable = []
        for log in logs:
            try:
                for table, path in self._converted(log):
                    files[table].append(str(path))
            except (OSError, DuckDBError):
                self.unreadable.append(log.path)  # one bad file must not hide the others
        self._show(files)
        self._files = files
        self._tidy({path for paths in files.values() for path in paths})

    def _show(self, files: dict[str, list[str]]) -> None:
        condition = "" if self.is_relative else " WHERE NOT is_relative"
        for name, paths in files.items():
            listed = ", ".join(quoted(path) for path in paths)
            self._base.execute(
                f"CREATE OR REPLACE VIEW {name} AS SELECT *, {RANK.get(name, 'filename')} AS rank "
                f"FROM read_parquet([{listed}], filename = true){condition}"
            )

    def _converted(self, log: LogFile) -> Iterator[tuple[str, Path]]:
        key = sha256(f"{log.path}\0{log.size}\0{log.changed_ns}\0{VERSION}".encode()).hexdigest()[:32]
        wanted = {table: self._cache / f"{key}-{table}.parquet" for table in TABLES_OF[log.kind]}
        if not all(path.exists() for path in wanted.values()):
            if log.kind is Kind.WINDOWS:
                self._write_events(log, wanted["events"])
            else:
                self._write_tables(log, wanted)
        yield from wanted.items()

    def _write_tables(self, log: LogFile, wanted: dict[str, Path]) -> None:
        if any(sign in str(log.path) for sign in "*?["):  # DuckDB would take the name for a pattern
            return self._write_salvaged(log, wanted)
        try:
            return self._copy_all(log, log.path, wanted)
        except DuckDBError:
            return self._write_salvaged(log, wanted)

    def _write_salvaged(self, log: LogFile, wanted: dict[str, Path]) -> None:
        """Read what can be read: a .gz that is still being written, bytes that are no text."""
        with _scratch(self._cache, ".log") as scratch:
            with scratch.open("wb") as file:
                file.writelines(_with_replacement(line) for line in _lines(log.path))
            self._copy_all(log, scratch, wanted)

    def _copy_all(self, log: LogFile, path: Path, wanted: dict[str, Path]) -> None:
        for table, target in wanted.items():
            select = SELECTS[log.kind, table]
            self._copy(f"WITH raw AS ({raw_relation(log, path)}) {select}", table, target)

    def _write_events(self, log: LogFile, target: Path) -> None:
        shape = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in TABLES["events"].items())
        with _scratch(self._cache, ".ndjson") as scratch:
            with scratch.open("wb") as file:
                file.writelines(encode(row) + b"\n" for row in rows(_lines(log.path)))
            relation = f"read_json({quoted(scratch)}, format = 'newline_delimited', columns = {{{shape}}})"
            self._copy(f"SELECT * FROM {relation}", "events", target)

    def _copy(self, select: str, table: str, target: Path) -> None:
        """Write one Parquet file, seen by others only when it is whole."""
        columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in TABLES[table].items())
        with _scratch(self._cache, ".parquet") as scratch, self._cursor() as cursor:
            cursor.execute(
                f"COPY (SELECT {columns} FROM ({select}) WHERE seen_at IS NOT NULL ORDER BY seen_at) "
                f"TO {quoted(scratch)} (FORMAT parquet)"
            )
            os.replace(scratch, target)

    def _empty(self, table: str) -> Path:
        target = self._cache / f"empty-{VERSION}-{table}.parquet"
        if not target.exists():
            nothing = ", ".join(f"NULL AS {name}" for name in TABLES[table])
            self._copy(f"SELECT {nothing} WHERE FALSE", table, target)
        return target

    @contextmanager
    def _cursor(self) -> Iterator[DuckDBPyConnection]:
        cursor = self._base.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def _tidy(self, wanted: set[str]) -> None:
        for path in self._cache.glob("*.parquet"):
            if str(path) not in wanted and path.stat().st_mtime < time() - KEPT_SECONDS:
                path.unlink(missing_ok=True)


@contextmanager
def _scratch(folder: Path, suffix: str) -> Iterator[Path]:
    """A file of our own that is gone afterwards, whatever happens."""
    handle, name = mkstemp(dir=folder, prefix=".new-", suffix=suffix)
    os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _lines(path: Path) -> Iterator[bytes]:
    """Line by line, as far as a packed file can be unpacked."""
    with path.open("rb") as file:
        is_packed = file.read(2) == GZIP_MAGIC
    with gzip.open(path, "rb") if is_packed else path.open("rb") as lines:
        try:
            yield from lines
        except (EOFError, gzip.BadGzipFile, ZlibError):
            return


def _with_replacement(line: bytes) -> bytes:
    return line.decode("utf-8", errors="replace").encode()


_sharing = Lock()


@lru_cache(maxsize=32)
def _shared(process: int, folder: Path, cache: Path, networks: tuple[str, ...], is_relative: bool) -> LogStore:
    return LogStore(folder, cache, networks=networks, is_relative=is_relative)


def shared_store(folder: Path, cache: Path, networks: tuple[str, ...], *, is_relative: bool) -> LogStore:
    """The one store of this process for the folder: DuckDB survives no fork."""
    with _sharing:
        return _shared(os.getpid(), folder, cache, networks, is_relative)
