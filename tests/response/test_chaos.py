"""Processes killed at each point: the run ends, nothing happens twice, nothing waits for ever."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secops.practice.generate import write

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="each test needs a database file of its own"),
]
ROOT = Path(__file__).parents[2]
CHILD = [sys.executable, "-m", "tests.response.chaos_child"]
LEASE_SECONDS = "3"
SECONDS = 240


@dataclass
class House:
    """A data folder of its own against the shared range."""

    folder: Path
    range_folder: Path
    env: dict[str, str]

    def run(self, *arguments: str, kill: str = "") -> subprocess.CompletedProcess[str]:
        env = self.env | ({"NIGHTDESK_TEST_KILL": kill} if kill else {})
        return subprocess.run(
            [*CHILD, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def start(self, *arguments: str, kill: str = "", **more: str) -> subprocess.Popen[bytes]:
        env = self.env | more | ({"NIGHTDESK_TEST_KILL": kill} if kill else {})
        with (self.folder / "children.log").open("ab") as log:
            return subprocess.Popen(
                [*CHILD, *arguments], env=env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def report(self) -> dict[str, Any]:
        return json.loads(self.ok("report").splitlines()[-1])

    def ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "nightdesk.sqlite3", timeout=20)) as database:
            return database.execute(query).fetchall()

    def effects(self, method: str, device: str = "") -> list[dict[str, Any]]:
        path = self.range_folder / "practice" / "effects.ndjson"
        lines = path.read_text().splitlines() if path.exists() else []
        found = [json.loads(line) for line in lines]
        return [one for one in found if one["method"] == method and device in {"", one["device"]}]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated company, its range running, and a database that is set up and attached to it."""
    folder = tmp_path_factory.mktemp("range")
    write(folder, anchor=datetime.now(UTC))
    command = [sys.executable, "-m", "secops.practice.server", "--data", str(folder)]
    server = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    wait_for(lambda: (folder / "practice" / "ports.json").exists(), 30)
    env = env_of(folder, folder)
    for command in (["setup"], ["practice_attach"]):
        done = subprocess.run(
            [*CHILD, "manage", *command], env=env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    yield folder
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(20)


@pytest.fixture
def house(company: Path, tmp_path: Path) -> House:
    shutil.copytree(company / "keys", tmp_path / "keys")
    with (
        closing(sqlite3.connect(company / "nightdesk.sqlite3")) as source,
        closing(sqlite3.connect(tmp_path / "nightdesk.sqlite3")) as target,
    ):
        source.backup(target)
    return House(folder=tmp_path, range_folder=company, env=env_of(tmp_path, company))


def env_of(folder: Path, range_folder: Path) -> dict[str, str]:
    ports = json.loads((range_folder / "practice" / "ports.json").read_text())
    hosts = f"127.0.0.1:{ports['http']},127.0.0.1:{ports['smtp']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTDESK_", "DJANGO_"))}
    return kept | {
        "NIGHTDESK_DATA": str(folder),
        "NIGHTDESK_INTERNAL_HOSTS": hosts,
        "NIGHTDESK_LOG_DIRS": str(range_folder / "logs"),
        "NIGHTDESK_LEASE_SECONDS": LEASE_SECONDS,
        "NIGHTDESK_PAUSE_HOLE_SECONDS": "2",
        "DJANGO_SETTINGS_MODULE": "secops.settings",
    }


def wait_for(is_so: Callable[[], Any], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.2)


def a_device(company: Path, number: int) -> tuple[str, str]:
    """Name and EDR id; each test takes another, so that what happened to it is only its own."""
    devices = json.loads((company / "practice" / "company.json").read_text())["devices"]
    laptops = [
        one for one in devices if one["kind"] == "laptop" and one["health"] == "Active" and not one["is_critical"]
    ]
    return laptops[number]["name"], laptops[number]["mde_id"]


def end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def check_ended(house: House, method: str, device: str, mails_before: int = 0) -> None:
    """The run has ended or is settled by a person who looked; then nothing was done twice and all invariants hold."""
    said = house.report()
    happened = len(house.effects(method, device)) - mails_before
    if said["steps"] == ["unknown"]:
        house.ok("settle", "yes" if happened else "no")
        said = house.report()
    assert said["runs"] in (["succeeded"], ["failed"])
    assert (said["runs"] == ["succeeded"]) == (happened == 1)
    assert happened <= 1
    assert said["broken"] == {}


@pytest.mark.parametrize("point", ["claim", "intent", "send", "done", "read_back"])
def test_a_drain_killed_at_any_point_isolates_once(house, company, point):
    number = ["claim", "intent", "send", "done", "read_back"].index(point)
    device, agent_id = a_device(company, number)
    house.ok("begin", "isolate", device, agent_id)

    killed = house.run("manage", "drain", "--wait", "20", kill=f"{point}:{house.folder / 'once'}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    house.ok("manage", "drain", "--wait", "30")

    assert len(house.effects("isolate", device)) == 1
    assert house.report()["steps"] == ["succeeded"]
    check_ended(house, "isolate", device)


@pytest.mark.parametrize("point", ["claim", "intent", "send", "done"])
def test_a_drain_killed_at_any_point_sends_a_mail_at_most_once(house, company, point):
    device, agent_id = a_device(company, 0)
    house.ok("begin", "mail", device, agent_id)
    before = len(house.effects("mail"))

    killed = house.run("manage", "drain", "--wait", "20", kill=f"{point}:{house.folder / 'once'}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    house.ok("manage", "drain", "--wait", "20")

    expected = {"claim": "succeeded", "intent": "unknown", "send": "unknown", "done": "succeeded"}
    assert house.report()["steps"] == [expected[point]]
    check_ended(house, "mail", "", before)


@pytest.mark.parametrize("point", ["claim", "intent", "send", "done"])
def test_a_worker_of_the_cluster_killed_at_any_point_isolates_once(house, company, point):
    number = 5 + ["claim", "intent", "send", "done"].index(point)
    device, agent_id = a_device(company, number)
    house.ok("begin", "isolate", device, agent_id)
    once = house.folder / "once"

    children = [house.start("manage", "qcluster", kill=f"{point}:{once}"), house.start("manage", "tick")]
    try:
        wait_for(once.exists, 60)
        wait_for(lambda: house.ask("SELECT state FROM response_run") == [("succeeded",)], 60)
    finally:
        for child in children:
            end_group(child)

    assert len(house.effects("isolate", device)) == 1
    check_ended(house, "isolate", device)


def test_cluster_and_clock_killed_as_a_whole_go_on_after_a_restart(house, company):
    device, agent_id = a_device(company, 9)
    house.ok("begin", "isolate", device, agent_id)
    children = [house.start("manage", "qcluster"), house.start("manage", "tick")]
    wait_for(lambda: house.ask("SELECT state FROM response_steprun") != [("ready",)], 60)
    for child in children:
        end_group(child)

    children = [house.start("manage", "qcluster"), house.start("manage", "tick")]
    try:
        wait_for(lambda: house.ask("SELECT state FROM response_run") == [("succeeded",)], 60)
    finally:
        for child in children:
            end_group(child)

    check_ended(house, "isolate", device)


@pytest.mark.parametrize("point", ["lookup_claim", "lookup_asked", "lookup_done"])
def test_lookups_killed_at_any_point_are_all_answered(house, company, point):
    alert = company / "practice" / "alerts" / "1-bad-address.json"
    house.ok("manage", "ingest", str(alert), "--json")

    killed = house.run("manage", "drain", "--wait", "30", kill=f"{point}:{house.folder / 'once'}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    house.ok("manage", "drain", "--wait", "180")  # hunting allows 45 calls a minute, and the tests share the range

    said = house.report()
    assert said["lookups"] > 10
    assert said["waiting"] == 0
    assert said["broken"] == {}
