"""The clock: carries on what is due and was lost, rings where no bell waits, sends a canary through each queue."""

import logging
from time import monotonic

from django.db import DatabaseError, close_old_connections

from secops import taskqueue
from secops.registry import due_counts, duties

logger = logging.getLogger(__name__)
EVERY = 1.0  # seconds
CANARY_EVERY = 10.0
LATE_AFTER = 30.0  # seconds without a canary: the cluster is frozen, whatever its processes say


class Clock:
    """Stateless but for when it last sent canaries; running two adds nothing and breaks nothing."""

    def __init__(self) -> None:
        self._canaries_at = 0.0

    def tick(self) -> int:
        """One round of the quick duties; a database that is away is waited for."""
        close_old_connections()
        try:
            moved = sum(duty() for name, duty in duties.items() if name.startswith("tick:"))
            if monotonic() - self._canaries_at >= CANARY_EVERY:
                self._canaries_at = monotonic()
                self._send_canaries()
            taskqueue.beat("tick")
        except DatabaseError:
            logger.warning("The database cannot be reached; the clock goes on")
            return 0
        return moved

    @staticmethod
    def _send_canaries() -> None:
        """Not into a queue that already holds plenty: a dead cluster must not fill the table."""
        for queue, canary in taskqueue.CANARIES.items():
            if taskqueue.visible(queue) < 20:
                canary.enqueue()


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
