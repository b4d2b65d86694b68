"""A process that dies anywhere on the way of evidence leaves no row without its whole file (RELIABILITY.md, F10)."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secops import faultpoints
from tests.objectstore import KEY_ID, REGION, SECRET, Server
from tests.response import chaos_databases
from tests.response.chaos_databases import Database, start

pytestmark = pytest.mark.chaos

POINTS = [point for point in faultpoints.POINTS if point.startswith("evidence_")]
PLACED = ("evidence_renamed", "evidence_placed", "evidence_row", "evidence_done")
COLLECTED = ("fetched", "fetched_all", "evidence_closed")
type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("prepared")
    database = chaos_databases.make(folder)
    done = start(folder, database, "manage.py", "migrate", "-v", "0")
    assert done.returncode == 0, done.stderr
    done = start(folder, database, "-m", "tests.cases.evidence.chaos_child", "begin")
    assert done.returncode == 0, done.stderr
    yield database
    database.drop()


@pytest.fixture
def run(prepared: Database, tmp_path: Path) -> Iterator[Run]:
    database = prepared.copy(tmp_path)
    yield lambda what, **env: start(tmp_path, database, "-m", "tests.cases.evidence.chaos_child", what, **env)
    database.drop()


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_no_row_lacks_its_file_and_the_next_try_is_whole(run: Run, tmp_path: Path, point: str) -> None:
    killed = run("receive", **{faultpoints.KILL: f"{point}:{tmp_path / 'once'}"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    after = told(run("report"))
    is_committed = point == "evidence_done"
    assert after["items"] == int(is_committed)
    assert after["whole"] == [True] * after["items"]
    assert after["entries"] == (["received", "sealed"] if is_committed else [])
    assert after["lines"] == (2 if is_committed else 0)
    assert after["problems"] == []
    assert after["unknown"] == int(point in PLACED and not is_committed)

    after = told(run("receive"))
    assert (after["items"], after["problems"], after["unknown"]) == (1 + int(is_committed), [], 0)


@pytest.mark.parametrize("point", [*COLLECTED, *PLACED])
def test_killed_while_fetching_the_next_process_goes_on_and_keeps_one(run: Run, tmp_path: Path, point: str) -> None:
    killed = run("collect", **{faultpoints.KILL: f"{point}:{tmp_path / 'once'}"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    after = told(run("report"))
    assert after["items"] == int(point == "evidence_done")
    assert after["left"] > 0

    after = told(run("collect"))
    assert (after["items"], after["whole"], after["problems"], after["unknown"]) == (1, [True], [], 0)
    assert after["entries"] == ["acquired", "received", "sealed"]
    assert after["left"] == 0


@pytest.mark.parametrize("point", ["evidence_closed", "delivered_part", "delivered", "evidence_row", "evidence_done"])
def test_killed_on_the_way_to_a_bucket_the_next_process_goes_on_and_keeps_one(
    run: Run, tmp_path: Path, objectstore: Server, point: str
) -> None:
    name = objectstore.make()
    there = {
        "NIGHTDESK_EVIDENCE_STORE": f"s3://{name}",
        "NIGHTDESK_S3_ENDPOINT": objectstore.endpoint,
        "NIGHTDESK_S3_REGION": REGION,
        "NIGHTDESK_S3_KEY_ID": KEY_ID,
        "NIGHTDESK_S3_SECRET_KEY": SECRET,
        "NIGHTDESK_INTERNAL_HOSTS": objectstore.pair,
    }
    killed = run("collect", **there, **{faultpoints.KILL: f"{point}:{tmp_path / 'once'}"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    after = told(run("report", **there))
    assert after["items"] == int(point == "evidence_done")
    assert after["whole"] == [True] * after["items"]

    after = told(run("collect", **there))
    assert (after["items"], after["whole"], after["problems"], after["unknown"]) == (1, [True], [], 0)
    assert after["entries"] == ["acquired", "received", "sealed"]
    assert after["left"] == 0
    assert objectstore.objects(name).uploads("") == []
