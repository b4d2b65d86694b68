"""One thread ends every call whose time is over: a timer thread for each would cost a quarter of the whole call."""

import heapq
import logging
import os
import threading
from collections.abc import Callable
from itertools import count
from time import monotonic

type Act = Callable[[], None]
logger = logging.getLogger(__name__)


class Deadlines:
    """Acts to be done at a time, unless they are taken back before. The thread starts with the first one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int]] = []  # a heap
        self._acts: dict[int, Act] = {}
        self._numbers = count()
        self._wakes = 0.0  # when the thread looks again by itself; 0 before it started

    def add(self, seconds: float, act: Act) -> int:
        """Do `act` after so many seconds, in the watching thread: it must be quick."""
        ends, number = monotonic() + seconds, next(self._numbers)
        with self._changed:
            self._acts[number] = act
            heapq.heappush(self._due, (ends, number))
            if not self._wakes:
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
                self._wakes = ends
            elif ends < self._wakes:
                self._wakes = ends
                self._changed.notify()
        return number

    def remove(self, number: int) -> None:
        """It ended in time."""
        with self._changed:
            self._acts.pop(number, None)
            self._forget()

    def _watch(self) -> None:
        while True:
            with self._changed:
                over = self._over()
                if not over:
                    self._wakes = self._due[0][0] if self._due else float("inf")
                    self._changed.wait(None if not self._due else max(0.0, self._wakes - monotonic()))
            for act in over:
                try:
                    act()
                except Exception:  # the thread serves everybody
                    logger.exception("What a deadline wanted done failed")

    def _over(self) -> list[Act]:
        now, over = monotonic(), []
        self._forget()
        while self._due and self._due[0][0] <= now:
            over.append(self._acts.pop(heapq.heappop(self._due)[1]))
            self._forget()
        return over

    def _forget(self) -> None:
        """Take what was taken back off the top, so that the thread does not wake for it."""
        while self._due and self._due[0][1] not in self._acts:
            heapq.heappop(self._due)


deadlines = Deadlines()


def _again() -> None:
    """A forked worker has none of its parent's threads."""
    deadlines.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_again)
