"""The clock: carries on what is due and was lost, rings where no bell waits, sends a canary through each queue."""

import logging
import subprocess
import sys
from pathlib import Path
from time import monotonic

from django.db import Error, close_old_connections

from secops import taskqueue
from secops.registry import Duty, due_counts, duties, overdue

logger = logging.getLogger(__name__)
EVERY = 1.0  # seconds
CANARY_EVERY = 10.0
OVERDUE_AFTER = 4.0  # seconds that work may be due before the clock has it carried out itself
DRAIN = [sys.executable, str(Path(__file__).resolve().parents[1] / "manage.py"), "drain", "--queue"]


class Clock:
    """Stateless but for when it last sent canaries; running two adds nothing and breaks nothing."""

    def __init__(self) -> None:
        self._canaries_at = 0.0
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def tick(self) -> int:
        """One round of the quick duties; a database that is away is waited for."""
        close_old_connections()
        try:
            moved = sum(_done(name, duty) for name, duty in duties.items() if name.startswith("tick:"))
            if monotonic() - self._canaries_at >= CANARY_EVERY:
                self._canaries_at = monotonic()
                self._send_canaries()
            self._carry_out_overdue()
            taskqueue.beat("tick")
        except Error:
            logger.warning("The database cannot be reached; the clock goes on")
            return 0
        return moved

    def _carry_out_overdue(self) -> None:
        """In a child, because the clock itself never waits for the outside; one at a time for each queue."""
        for queue, is_overdue in overdue.items():
            child = self._children.get(queue)
            if (child is None or child.poll() is not None) and is_overdue(OVERDUE_AFTER):
                self._children[queue] = subprocess.Popen([*DRAIN, queue])  # noqa: S603 - our own command

    def end(self) -> None:
        """Wait for what the clock started; a step has a budget, so this is short."""
        for child in self._children.values():
            child.wait()

    @staticmethod
    def _send_canaries() -> None:
        """Not into a queue that already holds plenty: a dead cluster must not fill the table."""
        for queue, canary in taskqueue.CANARIES.items():
            if taskqueue.visible(queue) < 20:
                canary.enqueue()


def _done(name: str, duty: Duty) -> int:
    """One duty. Its own fault must not stop the others, nor the canaries: it is logged, and tried again."""
    try:
        return duty()
    except Error:
        raise
    except Exception:
        logger.exception("The duty %s broke", name)
        return 0


def drain_once() -> int:
    """All due work of all queues and of the clock, in this process; how many things were moved."""
    return sum(duty() for name, duty in duties.items())


def left() -> dict[str, object]:
    """What is left and when the next comes due: {"left": {name: n}, "next_at": datetime | None}."""
    counts: dict[str, int] = {}
    times = []
    for _, count in due_counts.items():
        found = dict(count())
        if next_at := found.pop("next_at", None):
            times.append(next_at)
        counts |= {name: n for name, n in found.items() if n}
    return {"left": counts, "next_at": min(times, default=None)}
