"""A database for each chaos test: a file in its folder, or one on the server that DATABASE_URL names."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

SERVER = os.environ.get("DATABASE_URL", "")


ROOT = Path(__file__).parents[2]


class Database(Protocol):
    """`url` is what its processes get as DATABASE_URL; `copy` is a new one with the same content."""

    url: str

    def copy(self, folder: Path) -> "Database": ...

    def ask(self, query: str) -> list[Any]: ...

    def drop(self) -> None: ...


class File:
    """SQLite, where the product looks for it: in the data folder."""

    url = ""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "nightdesk.sqlite3"

    def copy(self, folder: Path) -> "File":
        made = File(folder)
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(made.path)) as target:
            source.backup(target)
        return made

    def ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.path, timeout=20)) as database:
            return database.execute(query).fetchall()

    def drop(self) -> None:
        """The folder goes with the test."""


class OnServer:
    """PostgreSQL; everybody who is still connected is put out when it goes."""

    def __init__(self, template: str = "template0") -> None:
        self.name = f"chaos_{uuid4().hex[:12]}"
        self.url = urlsplit(SERVER)._replace(path=f"/{self.name}").geturl()
        _order("CREATE DATABASE {} TEMPLATE {}", self.name, template)

    def copy(self, folder: Path) -> Self:
        return type(self)(self.name)

    def ask(self, query: str) -> list[Any]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def drop(self) -> None:
        _order("DROP DATABASE {} WITH (FORCE)", self.name)


def make(folder: Path) -> Database:
    """An empty one."""
    return OnServer() if SERVER else File(folder)


def _order(order: str, *names: str) -> None:
    """From the server's own database: nobody can copy or drop the one that they are in."""
    url = urlsplit(SERVER)._replace(path="/postgres").geturl()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL(order).format(*map(Identifier, names)))


def start(folder: Path, database: Database, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A process of ours with this data folder and database, to its end."""
    own = os.environ | {"NIGHTDESK_DATA": str(folder), "DATABASE_URL": database.url, **env}
    own["DJANGO_SETTINGS_MODULE"] = "secops.settings"
    return subprocess.run(
        [sys.executable, *words], env=own, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240
    )
