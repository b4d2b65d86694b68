"""What the chaos tests share: a range with a company for all, and for each test a house of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from secops import faultpoints
from secops.practice.generate import write
from tests.response import chaos_databases
from tests.response.chaos_databases import Database

ROOT = Path(__file__).parents[2]
CHILD = [sys.executable, "-m", "tests.response.chaos_child"]
LEASE_SECONDS = 3
SECONDS = 240  # generous: a slow machine is no fault of the product


@dataclass
class Company:
    """A generated company whose range runs, and a database that is set up and attached to it."""

    folder: Path
    database: Database
    taken: Iterator[int] = field(default_factory=count)

    def next_device(self) -> tuple[str, str]:
        """Name and EDR id; each run takes another, so that what happened to it is only its own."""
        devices = json.loads((self.folder / "practice" / "company.json").read_text())["devices"]
        kinds = {"laptop", "workstation"}  # the EDR can isolate these
        free = [one for one in devices if one["kind"] in kinds and one["health"] == "Active" and not one["is_critical"]]
        device = free[next(self.taken)]
        return device["name"], device["mde_id"]

    def effects(self, method: str, device: str = "") -> list[dict[str, Any]]:
        """What really happened: mails, or isolations of the device."""
        path = self.folder / "practice" / "effects.ndjson"
        lines = path.read_text().splitlines() if path.exists() else []
        found = [json.loads(line) for line in lines]
        return [one for one in found if one["method"] == method and device in {"", one["device"]}]

    def forget_limits(self) -> None:
        """The products' quotas are whole again: a test does not wait for what the one before it used up."""
        ports = json.loads((self.folder / "practice" / "ports.json").read_text())
        with urlopen(Request(f"http://127.0.0.1:{ports['http']}/control/limits", method="DELETE"), timeout=20):
            pass


@dataclass
class House:
    """A data folder and a database of its own against the range."""

    company: Company
    folder: Path
    database: Database
    env: dict[str, str]

    @property
    def once(self) -> Path:
        """Is there when a fault point was hit, and says by which process."""
        return self.folder / "once"

    def at(self, kill: str = "", stop: str = "") -> dict[str, str]:
        """The environment of a process that dies or freezes at a point, the first that gets there."""
        points = {faultpoints.KILL: kill, faultpoints.STOP: stop}
        return self.env | {name: f"{point}:{self.once}" for name, point in points.items() if point}

    def run(self, *arguments: str, kill: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CHILD, *arguments],
            env=self.at(kill),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    @contextmanager
    def services(self, *commands: str, queue: str = "response", kill: str = "", stop: str = "") -> Iterator[None]:
        """Management commands as services, each in a group of its own; killed with it at the end."""
        env = self.at(kill, stop) | {"Q_CLUSTER_NAME": queue}
        with (self.folder / "services.log").open("ab") as log:
            started = [
                subprocess.Popen(
                    [*CHILD, "manage", command], env=env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
                )
                for command in commands
            ]
        try:
            yield
        finally:
            for process in started:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)

    def begin(self, what: str) -> str:
        """An approved run of one step; the name of its device."""
        name, agent_id = self.company.next_device()
        self.ok("begin", what, name, agent_id)
        return name

    def report(self) -> dict[str, Any]:
        return json.loads(self.ok("report").splitlines()[-1])

    def ask(self, query: str) -> list[Any]:
        return self.database.ask(query)

    def has_succeeded(self) -> bool:
        return self.ask("SELECT state FROM response_run") == [("succeeded",)]

    def is_answered(self) -> bool:
        """Nothing is planned, due or on its way any more."""
        waiting = "SELECT COUNT(*) FROM enrichment_lookup WHERE state IN ('due', 'claimed')"
        unplanned = "SELECT COUNT(*) FROM cases_case WHERE is_planning_due"
        return self.ask(f"SELECT ({waiting}) + ({unplanned})") == [(0,)]

    def check_isolated_once(self, device: str) -> None:
        assert len(self.company.effects("isolate", device)) == 1
        said = self.report()
        assert said["runs"] == said["steps"] == ["succeeded"]
        assert said["broken"] == {}

    def check_answered(self) -> None:
        said = self.report()
        assert said["lookups"] > 10
        assert said["waiting"] == 0
        assert said["broken"] == {}


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with opened(tmp_path_factory.mktemp("range")) as one:
        yield one


@contextmanager
def opened(folder: Path) -> Iterator[Company]:
    """A company in this folder, its range, and its database, for as long as it is wanted."""
    write(folder, anchor=datetime.now(UTC))
    command = [sys.executable, "-m", "secops.practice.server", "--data", str(folder)]
    database = chaos_databases.make(folder)
    server = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        wait_for((folder / "practice" / "ports.json").exists)
        one = Company(folder, database)
        attached = House(one, folder, database, env_of(folder, one, database))
        attached.ok("manage", "setup")
        attached.ok("manage", "practice_attach")
        yield one
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)
        database.drop()


@pytest.fixture
def site(company: Company, tmp_path: Path) -> Iterator[House]:
    shutil.copytree(company.folder / "keys", tmp_path / "keys")
    database = company.database.copy(tmp_path)
    company.forget_limits()
    yield House(company, tmp_path, database, env_of(tmp_path, company, database))
    database.drop()


def env_of(folder: Path, company: Company, database: Database) -> dict[str, str]:
    ports = json.loads((company.folder / "practice" / "ports.json").read_text())
    foreign = ("NIGHTDESK_", "DJANGO_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "PYTHONPYCACHEPREFIX": str(company.folder / "pycache"),  # compiled once for the many processes, outside of here
        "DATABASE_URL": database.url,
        "NIGHTDESK_DATA": str(folder),
        "NIGHTDESK_INTERNAL_HOSTS": f"127.0.0.1:{ports['http']},127.0.0.1:{ports['smtp']}",
        "NIGHTDESK_LOG_DIRS": str(company.folder / "logs"),
        "NIGHTDESK_LEASE_SECONDS": str(LEASE_SECONDS),
        "NIGHTDESK_PAUSE_HOLE_SECONDS": "2",
        "DJANGO_SETTINGS_MODULE": "secops.settings",
    }


def wait_for(is_so: Callable[[], Any], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.2)
