"""A worker that is killed anywhere between the packets and their row keeps each file exactly once."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secops import faultpoints
from tests.response import chaos_databases
from tests.response.chaos_databases import Database, start

pytestmark = pytest.mark.chaos

CHILD = ("-m", "tests.response.capture_child")
type Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("prepared")
    database = chaos_databases.make(folder)
    for words in (("manage.py", "migrate", "-v", "0"), (*CHILD, "begin")):
        done = start(folder, database, *words)
        assert done.returncode == 0, done.stderr
    yield database
    database.drop()


@pytest.fixture
def run(prepared: Database, tmp_path: Path) -> Iterator[Start]:
    database = prepared.copy(tmp_path)
    yield lambda what, **env: start(tmp_path, database, *CHILD, what, **env)
    database.drop()


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("point", ["segment_fetched", "evidence_row", "segment_kept"])
def test_killed_there_the_file_is_kept_once(run: Start, tmp_path: Path, point: str) -> None:
    killed = run("work", **{faultpoints.KILL: f"{point}:{tmp_path / 'once'}"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    is_committed = point == "segment_kept"
    after = told(run("report"))
    assert (after["items"], after["segments"], after["linked"]) == (int(is_committed),) * 3
    assert told(run("work")) == {"items": 1, "segments": 1, "linked": 1, "problems": []}
