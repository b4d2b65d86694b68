"""A store of the test's own, items in it, and a way to tamper with what the database protects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cases.models import Case, Evidence
from cases.services import evidence
from cases.services.folder import FolderStore
from secops.models import User
from tests.factories import make_case

PASSWORD = "correct-horse-battery"


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
