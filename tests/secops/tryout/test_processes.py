"""Children are groups of their own: watched, restarted whole, and ended whole."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from secops.tryout.processes import LATE_AFTER, Child, Household, python

SLEEPS = "import time; time.sleep(60)"
WITH_ORPHAN = (
    "import subprocess, sys, time\n"
    f"child = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)"
)


@pytest.fixture
def household() -> Iterator[Household]:
    household = Household()
    yield household
    household.end()


def sleeper(folder: Path, name: str = "sleeper", sign: Path | None = None, code: str = SLEEPS) -> Child:
    return Child(name, python("-c", code), os.environ, folder, sign)


def pid_of(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def is_alive(pid: int) -> bool:
    """A process that ended and that nobody has waited for does not count."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_until_gone(pid: int) -> bool:
    ends = monotonic() + 10
    while is_alive(pid) and monotonic() < ends:
        sleep(0.02)
    return not is_alive(pid)


def test_a_child_that_died_is_started_again(household: Household, tmp_path: Path) -> None:
    child = household.start(sleeper(tmp_path))
    first = pid_of(child)
    child.kill()

    assert household.watch() == ["sleeper"]
    assert child.is_running
    assert pid_of(child) != first


def test_a_well_child_is_left_alone(household: Household, tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    child = household.start(sleeper(tmp_path, sign=sign))
    first = pid_of(child)
    sign.touch()

    assert household.watch() == []
    assert pid_of(child) == first


def test_a_child_that_lives_but_gives_no_sign_is_started_again(household: Household, tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    child = household.start(sleeper(tmp_path, sign=sign))
    first = pid_of(child)
    sign.touch()
    os.utime(sign, (0, 0))
    child.started_at -= LATE_AFTER + 1

    assert child.is_frozen
    assert household.watch() == ["sleeper"]
    assert wait_until_gone(first)


def test_a_young_child_has_time_for_its_first_sign(household: Household, tmp_path: Path) -> None:
    assert not household.start(sleeper(tmp_path, sign=tmp_path / "never")).is_frozen


def test_ending_takes_the_whole_group(tmp_path: Path) -> None:
    household = Household()
    child = household.start(sleeper(tmp_path, code=WITH_ORPHAN))
    ends = monotonic() + 10
    while not (said := child.log.read_text().strip()) and monotonic() < ends:
        sleep(0.02)

    household.end()

    assert not child.is_running
    assert wait_until_gone(int(said))
    assert household.children == []


def test_what_a_child_says_is_kept_in_its_log(household: Household, tmp_path: Path) -> None:
    child = household.start(sleeper(tmp_path, name="talker", code="print('hello')"))
    assert child.process is not None
    child.process.wait(10)

    assert (tmp_path / "talker.log").read_text() == "hello\n"
