"""One thread for all deadlines: what is due is done in time, also a nearer one that comes later; the rest never."""

import os
from threading import Event
from threading import enumerate as threads
from time import monotonic

import pytest

from secops.deadlines import Deadlines, deadlines


def names() -> list[str]:
    return [thread.name for thread in threads()]


def test_a_nearer_deadline_does_not_wait_for_a_farther_one() -> None:
    mine, far, near = Deadlines(), Event(), Event()
    begin = monotonic()
    mine.add(30, far.set)
    mine.add(0.05, near.set)
    assert near.wait(5)
    assert 0.05 <= monotonic() - begin < 5
    assert not far.is_set()


def test_what_was_taken_back_is_not_done_and_not_kept() -> None:
    mine, gone, last = Deadlines(), Event(), Event()
    for _ in range(1_000):
        mine.remove(mine.add(0.05, gone.set))
    assert not mine._due
    mine.add(0.1, last.set)
    assert last.wait(5)
    assert not gone.is_set()


def test_one_that_fails_leaves_the_others_their_deadlines(caplog: pytest.LogCaptureFixture) -> None:
    mine, after = Deadlines(), Event()

    def fail() -> None:
        raise ValueError("no")

    mine.add(0.01, fail)
    mine.add(0.05, after.set)
    assert after.wait(5)
    assert "What a deadline wanted done failed" in caplog.text


def test_many_need_one_thread() -> None:
    mine, before = Deadlines(), names().count("deadlines")
    for _ in range(50):
        mine.add(0.05, Event().set)
    assert names().count("deadlines") == before + 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_starts_a_thread_of_its_own() -> None:
    deadlines.add(30, Event().set)
    pid = os.fork()
    if not pid:  # the child: says by its exit code whether its deadline was met
        done = Event()
        deadlines.add(0.05, done.set)
        os._exit(0 if done.wait(5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
