"""A store of the test's own, items in it, and a way to tamper with what the database protects."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from cases.models import Case, Evidence
from cases.services import evidence
from cases.services.store import FolderStore
from secops.models import User
from tests.factories import make_case

PASSWORD = "correct-horse-battery"
migration = import_module("cases.migrations.0002_evidence")


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data" / "evidence"


@pytest.fixture
def case(db: None) -> Case:
    return make_case(title="Exfiltration by a leaver")


@pytest.fixture
def item(case: Case, analyst: User) -> Evidence:
    return take(case, b"MZ the loader", actor=analyst)


@pytest.fixture
def files(folder: Path) -> Callable[[], list[Path]]:
    """What stands in the store for good."""
    return lambda: sorted((folder / "sha256").rglob("*/*/*"))


def take(case: Case, content: bytes, **fields: Any) -> Evidence:
    words = {"kind": "file", "title": "updater.dll", "file_name": "updater.dll"}
    return evidence.receive(case.pk, iter([content]), **(words | fields))


def path_of(item: Evidence) -> Path:
    from cases.services.store import store

    place = store()
    assert isinstance(place, FolderStore)
    return place.path(item.sha256)


def spoil(item: Evidence) -> None:
    """One byte of the file, by somebody who may do everything on the machine."""
    path = path_of(item)
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@contextmanager
def unprotected() -> Iterator[None]:
    """Somebody owns the database: the triggers are gone for a while."""
    _order(migration.LIFTED)
    try:
        yield
    finally:
        _order(migration.TRIGGERS)


def _order(orders: dict[str, list[str]]) -> None:
    connection.check_constraints()  # PostgreSQL changes no table that has checks waiting
    with connection.cursor() as cursor:
        for order in orders[connection.vendor]:
            cursor.execute(order)
