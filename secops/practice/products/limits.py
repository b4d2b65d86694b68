"""The vendors' rate limits: so many calls in so many seconds, counted per caller."""

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping

Windows = tuple[tuple[int, float], ...]  # (calls, seconds); all of them must hold


class Limiter:
    """Sliding windows per name and caller; a refused call does not count."""

    def __init__(self, limits: Mapping[str, Windows]) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def wait(self, name: str, caller: str) -> int:
        """0 when the call may pass (and is counted), else the whole seconds until one may."""
        windows = self._limits[name]
        now = time.monotonic()
        with self._lock:
            calls = self._calls[name, caller]
            longest = max(seconds for _, seconds in windows)
            while calls and calls[0] <= now - longest:
                calls.popleft()
            seconds = max(_seconds_until_free(calls, now, window) for window in windows)
            if seconds <= 0:
                calls.append(now)
            return math.ceil(seconds)

    def forget(self) -> None:
        """Start counting anew, for tests that need their quota back."""
        with self._lock:
            self._calls.clear()


def _seconds_until_free(calls: deque[float], now: float, window: tuple[int, float]) -> float:
    allowed, seconds = window
    if len(calls) < allowed:
        return 0
    return max(0.0, calls[-allowed] + seconds - now)
