"""How long an intent is good for: who was frozen after writing it down must not send any more.

The pause hole (RELIABILITY.md part 3) is looked at again right before the effect's own request: a connector may
have to fetch a token or greet a server first. A freeze inside the socket write stays open: only a device can close it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_send_before: ContextVar[float | None] = ContextVar("send_before", default=None)


def awake() -> float:
    """Seconds that also count while the process or the machine is frozen."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextmanager
def good_until(moment: float) -> Iterator[None]:
    """Within it, nothing fresh may be sent after the moment (of `awake`)."""
    token = _send_before.set(moment)
    try:
        yield
    finally:
        _send_before.reset(token)


def is_spent() -> bool:
    """Has the moment passed? False outside of an intent."""
    moment = _send_before.get()
    return moment is not None and awake() > moment
