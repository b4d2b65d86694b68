"""Material that is made once, a store of the test's own, and a quick way to let a tool read a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cases.models import Case
from enrichment.forensics.report import Report
from enrichment.forensics.runner import examine
from enrichment.services import examinations
from tests.enrichment.forensics import material
from tests.factories import make_case


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forensics")


@pytest.fixture(scope="session")
def disk(made: Path) -> Path:
    return material.disk(made)


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that everybody may read and write in, so that what is refused there is refused by the seal."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@dataclass
class Told:
    report: Report
    carried: list[tuple[str, bytes]]


def ask(tool: str, path: Path, *, known: tuple[str, ...] = (), seconds: int = 30, rules: Any = None) -> Told:
    """Let a tool read a file as the product does."""
    sources = examinations.rules() if rules is None else rules
    with (
        path.open("rb") as file,
        examine(tool, file, rules=sources, known=known, seconds=seconds, goes_on=lambda: True) as answer,
    ):
        return Told(answer.report, [(one.name, b"".join(chunks)) for one, chunks in answer.carried()])
