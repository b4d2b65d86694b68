"""Work that takes longer than a worker of a queue may, in a process of its own that the clock starts."""

import subprocess
import sys
from collections.abc import Callable

from django.conf import settings


class Apart:
    """For the clock: starts a command of ours while something is due, one at a time."""

    def __init__(self, is_due: Callable[[], bool], *words: str) -> None:
        self.command = (sys.executable, str(settings.BASE_DIR / "manage.py"), *words)
        self._is_due = is_due
        self._child: subprocess.Popen[bytes] | None = None

    def __call__(self) -> int:
        is_free = self._child is None or self._child.poll() is not None
        if not is_free or not self._is_due():
            return 0
        self._child = subprocess.Popen(self.command)  # noqa: S603 - our own command
        return 1
