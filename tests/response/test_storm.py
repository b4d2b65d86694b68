"""Several hundred runs while everything dies, freezes, goes away and lies: nothing twice, nothing lost, nothing stuck.

One storm, and a test for each promise. The same seed gives the same wishes and the same weather; which process is
where meanwhile, the machine decides. NIGHTDESK_STORM_RUNS and NIGHTDESK_STORM_SEED set them.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from random import SystemRandom

import pytest

from tests.response.chaos_house import House, env_of, opened
from tests.response.chaos_processes import processes
from tests.response.storm_figures import FIGURES, table
from tests.response.storm_house import Aftermath, Storm
from tests.response.storm_server import mortal

pytestmark = pytest.mark.chaos

RUNS = int(os.environ.get("NIGHTDESK_STORM_RUNS", "300"))
SEED = int(os.environ.get("NIGHTDESK_STORM_SEED", "0")) or SystemRandom().randrange(1, 1_000_000)


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """In a company of its own: its devices are many, and its range has faults of its own."""
    folder = tmp_path_factory.mktemp("storm")
    with opened(tmp_path_factory.mktemp("range")) as company, mortal(company.database, folder) as database:
        shutil.copytree(company.folder / "keys", folder / "keys")
        house = House(company, folder, database, env_of(folder, company, database))
        yield Storm(house, database, seed=SEED, runs=RUNS).run()
        assert not processes(folder)


def test_every_run_was_started_once_and_has_ended(
    storm: Aftermath, record_property: Callable[[str, object], None]
) -> None:
    record_property(FIGURES, figures(storm))
    assert storm.count["stuck"] == []
    assert sum(storm.count["runs"].values()) == storm.plan.runs


def test_nothing_happened_twice(storm: Aftermath) -> None:
    assert storm.verdict.doubled == []


def test_nothing_that_happened_is_said_not_to_have(storm: Aftermath) -> None:
    assert storm.verdict.denied == []


def test_nothing_that_did_not_happen_is_confirmed(storm: Aftermath) -> None:
    assert storm.verdict.invented == []


def test_no_step_is_lost(storm: Aftermath) -> None:
    assert storm.count["lost"] == []


def test_the_invariants_hold_and_no_timeline_is_broken(storm: Aftermath) -> None:
    assert storm.count["broken"] == {}
    assert storm.timelines.strip().endswith(" 0 broken")


def test_it_was_a_storm(storm: Aftermath) -> None:
    """A quiet day would prove nothing."""
    kinds = {name.split()[0] for name, times in storm.weather.items() if times > 0}
    assert {"killed", "frozen", "database", "device"} <= kinds
    assert storm.count["unknown"] > 0
    assert storm.count["verifying"] > 0


def figures(storm: Aftermath) -> str:
    count, verdict = storm.count, storm.verdict

    def of(kind: str) -> dict[str, int]:
        named = {name.removeprefix(f"{kind} "): n for name, n in storm.weather.items() if name.startswith(f"{kind} ")}
        return {"in all": sum(named.values())} | named

    return table(
        {
            "seed": storm.plan.seed,
            "seconds": {name: round(seconds) for name, seconds in storm.seconds.items()},
            "runs": count["runs"],
            "steps": {"in all": sum(count["states"].values())} | count["states"],
            "tries": {name or "open": n for name, n in count["outcomes"].items()},
            "effects in the range": verdict.effects,
            "killed": of("killed"),
            "frozen": of("frozen"),
            "restarted by the watchdog": storm.restarted,
            "database": of("database"),
            "devices": of("device"),
            "through unknown": count["unknown"],
            "through verifying": count["verifying"],
            "settled by a person": storm.settled,
            "recovered after a lost worker": ", ".join(f"{name} {n:g}" for name, n in count["recovered"].items()),
            "confirmed, done by another step": verdict.done_by_others,
            "doubled": len(verdict.doubled),
            "said not to have happened, and did": len(verdict.denied),
            "said to have happened, and did not": len(verdict.invented),
            "lost": len(count["lost"]),
            "stuck": len(count["stuck"]),
            "invariants broken": len(count["broken"]),
            "timelines": storm.timelines.strip(),
        }
    )
