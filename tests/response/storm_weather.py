"""The weather: at moments that a seed decides, processes die or freeze, the database goes, and devices misbehave."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import Request, urlopen

from secops import faultpoints
from secops.tryout.processes import Household
from tests.response.chaos_house import LEASE_SECONDS, House
from tests.response.chaos_processes import cluster
from tests.response.storm_server import Mortal

POINTS = ("claim", "intent", "send", "done", "read_back", "poll")
BETWEEN = (1.0, 3.5)  # seconds from one blow to the next,
MOVED = 15  # and so many changes of steps: a blow is for those who work, also on a slow machine
PATIENCE = 8.0  # seconds, then it comes though hardly anything moved
FROZEN_SECONDS = 2 * LEASE_SECONDS + 1
AWAY_SECONDS = (2.0, 5.0)  # of the database
# What comes how often; a deck is dealt to its end before it is shuffled again, so that each comes.
DECK = (
    *("kill worker",) * 2,
    *("kill monitor", "kill pusher", "kill sentinel", "kill main"),
    *("kill tick", "kill people"),
    *("kill drain",) * 4,
    *("kill at a point",) * 10,
    *("freeze at a point",) * 4,
    *("freeze worker", "freeze tick", "freeze drain", "freeze drain"),
    *("database",) * 3,
    *("devices",) * 7,
)
ROLES = {"worker": "workers", "monitor": "monitor", "pusher": "pusher", "sentinel": "sentinel", "main": "main"}
DEVICES = (  # path and method of what has an effect, or reads it back
    ("/defender/api/machines", "POST"),
    ("/defender/api/machines", "POST"),
    ("/defender/api/indicators", "POST"),
    ("/graph/v1.0/users", "POST"),
    ("/graph/v1.0/users", "PATCH"),
    ("/grr", "POST"),
    ("/smtp", "DATA"),
    ("/smtp", "DATA"),
    ("/defender/api/machineactions", "GET"),
    ("/login", "POST"),
)
MOODS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429, "retry_after": 1},
    {"kind": "status_after", "status": 500},
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "delay", "seconds": LEASE_SECONDS + 0.8},  # answers when its lease is over
    {"kind": "late", "seconds": 2.5},
    {"kind": "lie"},
)
# A mail server's "not now" (4xx) is believed for five minutes, and its lie, or its no after a yes, is seen by nobody.
OF_MAIL: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 554},
    *(mood for mood in MOODS if mood["kind"] in {"drop_before", "drop_after", "delay", "late"}),
)


class Weather:
    """Over a house with its services; `tally` counts what it did."""

    def __init__(self, house: House, household: Household, database: Mortal, seed: int) -> None:
        self.house, self.household, self.database = house, household, database
        self.random = Random(f"weather {seed}")
        self.tally: Counter[str] = Counter()
        self._deck: list[str] = []
        self._next_at, self._moved = 0.0, 0
        self._heals_at = self._lifts_at = 0.0
        self._frozen: dict[int, float] = {}  # pid -> when it is woken

    def go_on(self, moved: int) -> None:
        """What is due now; call it a few times a second. `moved` is how often a step has changed until now."""
        now = time.monotonic()
        self.lift_limits()
        self._wake(now)
        if self._heals_at and now >= self._heals_at:
            self.database.heal()
            self._heals_at = 0.0
        if now < self._next_at or (moved < self._moved + MOVED and now < self._next_at + PATIENCE):
            return
        self._next_at, self._moved = now + self.random.uniform(*BETWEEN), moved
        if not self._deck:
            self._deck = self.random.sample(DECK, len(DECK))
        self.note(self._deck[-1])
        what, _, whom = self._deck.pop().partition(" ")
        {"kill": self._kill, "freeze": self._freeze, "database": self._strike, "devices": self._devices}[what](whom)

    def note(self, what: str) -> None:
        """For who looks for a fault: what came when, beside the services' own logs."""
        with (self.house.folder / "service-logs" / "storm.log").open("a") as log:
            log.write(f"{datetime.now(UTC):%H:%M:%S.%f} {what}\n")

    def lift_limits(self) -> None:
        """The products' quotas are whole again: what follows within minutes here takes a house weeks."""
        if time.monotonic() >= self._lifts_at:
            self._lifts_at = time.monotonic() + 1
            self._control("DELETE", "limits")

    def calm_down(self) -> None:
        """Everybody wakes, the database is there, no point kills any more and devices behave."""
        for point in POINTS:
            self._once("kill", point).touch()
            self._once("freeze", point).touch()
        self._wake(now=float("inf"))
        self.database.heal()
        for fault in self._control("GET", "faults"):
            self.tally[_name(fault)] -= fault["count"]  # never came
        self._control("DELETE", "faults")

    # --- blows -------------------------------------------------------------------------------------------------------

    def _kill(self, whom: str) -> None:
        if whom == "at a point":
            point = self.random.choice(POINTS)
            if self._arm("kill", point):
                self.tally[f"killed at {point}"] += 1
            return
        for pid in self._pids(whom):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.tally[f"killed {whom}"] += 1

    def _freeze(self, whom: str) -> None:
        if whom == "at a point":
            point = self.random.choice(POINTS)
            if self._arm("freeze", point):
                self.tally[f"frozen at {point}"] += 1
            return
        for pid in self._pids(whom):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self._frozen[pid] = time.monotonic() + FROZEN_SECONDS
                self.tally[f"frozen {whom}"] += 1

    def _strike(self, _: str) -> None:
        if self._heals_at:
            return
        blow = self.random.choice(self.database.blows)
        seconds = self.random.uniform(*AWAY_SECONDS)
        if self.database.strike(blow):
            self.tally[f"database {blow}"] += 1
            self._heals_at = time.monotonic() + seconds

    def _devices(self, _: str) -> None:
        for prefix, method in self.random.sample(DEVICES, 4):
            moods = OF_MAIL if prefix == "/smtp" else MOODS
            fault = self.random.choice(moods) | {"prefix": prefix, "method": method, "count": 2}
            self._control("POST", "faults", fault)
            self.tally[_name(fault)] += fault["count"]

    # --- whom and how ------------------------------------------------------------------------------------------------

    def _pids(self, whom: str) -> Iterator[int]:
        """One process of that role, if there is one now."""
        if whom in ROLES:
            found = cluster(self.house.folder).get(ROLES[whom], [])
        else:
            heads = [child.process for child in self.household.children if child.name.startswith(whom)]
            found = [head.pid for head in heads if head is not None and head.poll() is None]
        if found:
            yield self.random.choice(found)

    def _once(self, what: str, point: str) -> Path:
        return once(self.house.folder, what, point)

    def _arm(self, what: str, point: str) -> bool:
        """The next process that gets to the point is hit; False when nobody got there since the last time."""
        if not self._once(what, point).exists():
            return False
        self._once(what, point).unlink()
        return True

    def _wake(self, now: float) -> None:
        for point in POINTS:
            path = self._once("freeze", point)
            if path.exists() and (said := path.read_text()):
                self._frozen.setdefault(int(said), time.monotonic() + FROZEN_SECONDS)
                path.write_text("")
        for pid in [pid for pid, at in self._frozen.items() if now >= at]:
            del self._frozen[pid]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _control(self, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        ports = json.loads((self.house.company.folder / "practice" / "ports.json").read_text())
        data = json.dumps(body).encode() if body else None
        request = Request(f"http://127.0.0.1:{ports['http']}/control/{what}", data=data, method=method)
        with urlopen(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said else None


def points(folder: Path) -> dict[str, str]:
    """Environment of the services: each point may kill or freeze, whenever its file is taken away."""
    found = {}
    for what, setting in (("kill", faultpoints.KILL), ("freeze", faultpoints.STOP)):
        for point in POINTS:
            once(folder, what, point).touch()
        found[setting] = ",".join(f"{point}:{once(folder, what, point)}" for point in POINTS)
    return found


def once(folder: Path, what: str, point: str) -> Path:
    return folder / f"{what}-{point}"


def _name(fault: dict[str, Any]) -> str:
    status = f" {fault['status']}" if fault["kind"] == "status" else ""
    return f"device {fault['kind'].replace('_', ' ')}{status}"
