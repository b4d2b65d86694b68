"""A folder for logs, a store over it, and the real samples where they are at hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from secops.logfiles.store import LogStore

SAMPLES = Path(__file__).parents[3] / "../shared/data/telemetry"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> LogStore:
    """Looks for new files at every question."""
    return LogStore(folder, tmp_path / "cache", recheck_seconds=0)


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str], LogStore]:
    """A store over one set of the real samples."""

    def make(name: str) -> LogStore:
        if not (SAMPLES / name).is_dir():
            pytest.skip("the real samples are not here")
        return LogStore(SAMPLES / name, tmp_path / "cache", is_relative=True)

    return make
