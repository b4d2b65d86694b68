"""The processes of a cluster, found by the data folder that they work on, and a watchdog that looks after them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

from secops.tryout.processes import Child, Household
from tests.response.chaos_house import CHILD, House, wait_for
from tests.tryout import works_on

LATE_AFTER = 15.0  # seconds; the tests' canaries come every two


@dataclass(frozen=True, slots=True, order=True)
class Process:
    """One that is alive; ordered by when it was started."""

    started: int
    pid: int
    parent: int
    group: int
    is_cluster: bool


def processes(folder: Path) -> list[Process]:
    """Everybody alive who works on this folder."""
    found = []
    for entry in works_on(folder):
        with suppress(OSError):  # it has just ended
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            is_cluster = b"qcluster" in (entry / "cmdline").read_bytes()
            found.append(Process(int(fields[19]), int(entry.name), int(fields[1]), int(fields[2]), is_cluster))
    return sorted(found)


def cluster(folder: Path) -> dict[str, list[int]]:
    """The pids of a cluster's processes by what they are for; empty while it is not complete.

    The main process starts the sentinel, which starts the workers, the monitor and the pusher.
    """
    everybody = [one for one in processes(folder) if one.is_cluster]
    mains = [one for one in everybody if one.pid == one.group]
    sentinels = [one for one in everybody if one.parent in {main.pid for main in mains}]
    others = [one.pid for one in everybody if one.parent in {sentinel.pid for sentinel in sentinels}]
    if not len(everybody) == len(mains) + len(sentinels) + len(others) == 6:
        return {}
    workers, (monitor, pusher) = others[:-2], others[-2:]
    return {
        "main": [mains[0].pid],
        "sentinel": [sentinels[0].pid],
        "workers": workers,
        "monitor": [monitor],
        "pusher": [pusher],
    }


class Watchdog:
    """A household that restarts what died or gives no sign, as quickstart has; `restarted` says what it did."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.household = Household()
        self.restarted: list[str] = []

    def start(self, command: str, sign: str) -> None:
        """A management command as a service that is looked after."""
        env = self.house.env | {"Q_CLUSTER_NAME": "response"}
        logs = self.house.folder / "service-logs"
        line = [*CHILD, "manage", command]
        alive = self.house.folder / "alive" / sign
        self.household.start(Child(command, line, env, logs, alive, late_after=LATE_AFTER))

    def until(self, is_so: Callable[[], object]) -> None:
        """Look after them until it is so; at no time are there two clusters."""

        def is_so_now() -> object:
            self.restarted += self.household.watch()
            heads = [one for one in processes(self.house.folder) if one.is_cluster and one.pid == one.group]
            assert len(heads) <= 1
            return is_so()

        wait_for(is_so_now)

    def until_a_canary_comes(self) -> None:
        """One that is carried after now."""
        sign, now = self.house.folder / "alive" / "queue-response", time()
        self.until(lambda: sign.exists() and sign.stat().st_mtime > now)


@contextmanager
def watchdog(house: House) -> Iterator[Watchdog]:
    """Over a clock and a complete cluster of the response queue; nobody outlives it."""
    one = Watchdog(house)
    try:
        one.start("tick", "tick")
        one.start("qcluster", "queue-response")
        one.until(lambda: cluster(house.folder))
        yield one
    finally:
        one.household.end()
