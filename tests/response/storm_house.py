"""The house in the storm: its services under a watchdog, its people, and what is known of it when the storm is over."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from sqlite3 import Error as FileError
from typing import Any

import psycopg

from secops.tryout.processes import Child, Household
from tests.response.chaos_house import ROOT, House
from tests.response.chaos_processes import LATE_AFTER
from tests.response.storm_ledger import Ledger, Verdict
from tests.response.storm_plan import Place, Plan
from tests.response.storm_server import Mortal
from tests.response.storm_weather import Weather, points

CHILD = [sys.executable, "-m", "tests.response.storm_child"]
SERVICES = {  # by name: its words, and the sign that it gives while it is well
    "qcluster": (("manage", "qcluster"), "queue-response"),
    "tick": (("manage", "tick"), "tick"),
    "drain 1": (("drain",), ""),
    "drain 2": (("drain",), ""),
    "people": (("people",), ""),
}
PLACES = 30
RUNS_PER_SECOND = 4.0
STORM_SECONDS = 150.0  # at most; a slow machine does the rest when it is calm
NEARLY = 0.8  # of all runs have ended
SETTLED_SECONDS = 8.0  # after the storm no device acts late any more, and nobody who was frozen still sends
STUCK_SECONDS = 100.0  # without a single step that moved, after the storm; longer than any wait of a step
ENDS_WITHIN = 900.0  # of the whole
LOOKS = 0.3  # seconds
ENDED = "SELECT COUNT(ended_at), (SELECT COUNT(*) FROM response_stepchange) FROM response_run"
OPEN = """
    SELECT SUM(CASE WHEN state = 'unknown' THEN 1 ELSE 0 END), SUM(CASE WHEN state <> 'unknown' THEN 1 ELSE 0 END),
           (SELECT COUNT(*) FROM response_stepchange)
    FROM response_steprun
    WHERE state NOT IN ('succeeded', 'failed', 'skipped', 'rejected', 'expired', 'cancelled')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """`count` is what storm_count tells; seconds by part."""

    plan: Plan
    count: dict[str, Any]
    verdict: Verdict
    weather: dict[str, int]
    restarted: dict[str, int]
    settled: dict[str, int]
    seconds: dict[str, float]
    timelines: str


class Storm:
    def __init__(self, house: House, database: Mortal, *, seed: int, runs: int) -> None:
        self.house, self.database = house, database
        house.env |= points(house.folder) | {"NIGHTDESK_ISOLATIONS_PER_HOUR": "100000", "Q_CLUSTER_NAME": "response"}
        self.plan = Plan(
            seed=seed, runs=runs, seconds=runs / RUNS_PER_SECOND, began_at=time.time(), places=self._places()
        )
        self.household = Household()
        self.weather = Weather(house, self.household, database, seed)
        self.ledger = Ledger(house.company.folder / "practice", datetime.now(UTC))
        self.moved = 0
        self.restarted: dict[str, int] = {}
        self.settled = {"happened": 0, "did not": 0}

    def run(self) -> Aftermath:
        """From the first wish to the end of the last run."""
        self.plan.write(self.house.folder / "storm.json")
        self.call("prepare")
        begins = time.monotonic()
        self.plan = replace(self.plan, began_at=time.time())
        self.plan.write(self.house.folder / "storm.json")
        try:
            for name in SERVICES:
                self._start(name)
            self._until(self._is_nearly_over, lambda: self.weather.go_on(self.moved), STORM_SECONDS)
            self.weather.calm_down()
            calm = time.monotonic()
            self._settle_down(calm)
        finally:
            self.weather.calm_down()
            self.household.end()
        ends = time.monotonic()
        count = json.loads(self.call("count").splitlines()[-1])
        return Aftermath(
            plan=self.plan,
            count=count,
            verdict=self.ledger.judge(count["steps"]),
            weather=dict(sorted(self.weather.tally.items())),
            restarted=self.restarted,
            settled=self.settled,
            seconds={"storm": calm - begins, "afterwards": ends - calm},
            timelines=self.call("manage", "verify_timeline", "--all", check=False),
        )

    def call(self, *words: str, check: bool = True) -> str:
        """An errand of the storm's child, to its end."""
        done = subprocess.run(
            [*CHILD, *words], env=self.house.env, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0 or not check, done.stderr[-3000:]
        return done.stdout

    # --- while it goes on --------------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        words, sign = SERVICES[name]
        folder = self.house.folder
        alive = folder / "alive" / sign if sign else None
        line = [*CHILD, *words]
        self.household.start(Child(name, line, self.house.env, folder / "service-logs", alive, late_after=LATE_AFTER))

    def _until(self, is_so: Callable[[], bool], meanwhile: Callable[[], None], seconds: float = 600) -> bool:
        ends = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > ends:
                return False
            meanwhile()
            for name in self.household.watch():
                self.weather.note(f"restarted {name}")
                self.restarted[name.split()[0]] = self.restarted.get(name.split()[0], 0) + 1
            time.sleep(LOOKS)
        return True

    def _is_nearly_over(self) -> bool:
        """Most runs have ended: what follows would be weather over an empty house."""
        asked = self._asked(ENDED)
        if not asked:
            return False
        ended, self.moved = asked[0]
        return bool(ended >= NEARLY * self.plan.runs)

    def _asked(self, query: str) -> list[Any]:
        """Nothing while the database is away."""
        try:
            return self.database.ask(query)
        except (psycopg.Error, FileError):
            return []

    # --- afterwards --------------------------------------------------------------------------------------------------

    def _settle_down(self, calm: float) -> None:
        """Until every run has ended, or nothing moves any more; a person settles what is in doubt."""
        moved_at = calm

        def is_over() -> bool:
            nonlocal moved_at
            asked = self._asked(OPEN)
            if asked and asked[0][2] != self.moved:
                self.moved, moved_at = asked[0][2], time.monotonic()
            unknown, left = (number or 0 for number in asked[0][:2]) if asked else (0, 1)
            if unknown and time.monotonic() > calm + SETTLED_SECONDS:
                self._settle()
                return False
            return (not unknown and not left) or time.monotonic() > moved_at + STUCK_SECONDS

        self._until(is_over, self.weather.lift_limits, ENDS_WITHIN)

    def _settle(self) -> None:
        steps = [one for one in json.loads(self.call("count").splitlines()[-1])["steps"] if one["state"] == "unknown"]
        said = self.ledger.happened(steps)
        for happened in said.values():
            self.settled["happened" if happened else "did not"] += 1
        self.call("settle", json.dumps(said))

    def _places(self) -> list[Place]:
        """Devices that no other test takes, each with a person; some have the same."""
        company = json.loads((self.house.company.folder / "practice" / "company.json").read_text())
        people = [one["upn"] for one in company["people"] if not one["is_privileged"]]
        devices = [self.house.company.next_device() for _ in range(PLACES)]
        return [Place(name, agent_id, people[number % len(people)]) for number, (name, agent_id) in enumerate(devices)]
