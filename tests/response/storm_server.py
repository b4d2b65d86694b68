"""The storm's own database: a file that gets locked, or a PostgreSQL server that crashes and comes back.

The server is the storm's alone, because other tests use the one that DATABASE_URL names meanwhile.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import chown, rmtree
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

from tests.response.chaos_databases import Database, File

BINARIES = Path("/usr/lib/postgresql")
WRITES = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=1, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE response_steprun SET reason = reason || ' never committed', state_at = 0")
print("written", flush=True)
time.sleep(60)
"""


class Mortal(Database, Protocol):
    """A database that can be away for some seconds; `blows` are the ways in which it goes."""

    blows: tuple[str, ...]

    def strike(self, blow: str) -> bool:
        """False when it did not come to that."""
        ...

    def heal(self) -> None: ...


class MortalFile(File):
    """SQLite: somebody holds the lock for long, or dies in the middle of writing."""

    blows = ("locked", "writer killed")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._holder: sqlite3.Connection | None = None

    def strike(self, blow: str) -> bool:
        if blow == "locked":
            self._holder = sqlite3.connect(self.path, timeout=1, isolation_level=None)
            try:
                self._holder.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:  # somebody was frozen in the middle of writing: it is locked already
                self.heal()
                return False
            return True
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITES, str(self.path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with writer:
            assert writer.stdout is not None
            is_writing = bool(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
        return is_writing

    def heal(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None


class MortalServer:
    """PostgreSQL in a folder of its own, on a socket only; a copy of what another server holds."""

    blows = ("crashed", "backends killed")

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nightdesk-storm."))
        self.url = f"postgres://postgres@/storm?host={quote(str(self.folder))}&port=5441"
        self._bin = max(BINARIES.glob("*/bin"))
        if os.geteuid() == 0:
            chown(self.folder, "postgres", "postgres")
        self._order("initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        self._start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def fill(self, source: str) -> None:
        """With all that the database at the other URL holds."""
        with psycopg.connect(self.url.replace("/storm?", "/postgres?"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE storm")
        dump = subprocess.run([self._bin / "pg_dump", source], capture_output=True, check=True)
        quietly = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, self.url]
        subprocess.run([self._bin / quietly[0], *quietly[1:]], input=dump.stdout, check=True)

    def copy(self, folder: Path) -> "MortalServer":
        raise NotImplementedError  # one storm, one server

    def ask(self, query: str) -> list[Any]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def strike(self, blow: str) -> bool:
        if blow == "crashed":
            self._order("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
            return True
        everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        self.ask(f"{everybody} AND datname = 'storm'")
        return True

    def heal(self) -> None:
        with suppress(subprocess.CalledProcessError):  # it runs
            self._order("pg_ctl", "-D", self._data, "status")
            return
        self._start()

    def drop(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._order("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        # Nothing is lost by fsync=off here: the processes crash, not the machine.
        options = f"-c listen_addresses='' -k {self.folder} -p 5441 -c fsync=off -c max_connections=60"
        self._order("pg_ctl", "-D", self._data, "-l", str(self.folder / "log"), "-o", options, "-w", "start")

    def _order(self, program: str, *words: str) -> None:
        owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        line = [*owner, str(self._bin / program), *words]
        subprocess.run(line, cwd="/", check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def mortal(source: Database, folder: Path) -> Iterator[Mortal]:
    """A copy of the database that may be struck."""
    if isinstance(source, File):
        source.copy(folder)
        yield MortalFile(folder)
        return
    server = MortalServer()
    try:
        server.fill(source.url)
        yield server
    finally:
        server.drop()
