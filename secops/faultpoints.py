"""Places where a test may kill this process on purpose; without the setting of a test they do nothing."""

import os
import signal
from pathlib import Path

SETTING = "NIGHTDESK_TEST_KILL"  # "point:/path/of/a/once-file", several separated by commas
POINTS = ("claim", "intent", "send", "done", "read_back", "lookup_claim", "lookup_asked", "lookup_done")


def hit(point: str) -> None:
    """SIGKILL this process when the setting names the point, the first time only: the once-file counts."""
    wanted = os.environ.get(SETTING)
    if not wanted:
        return
    for one in wanted.split(","):
        name, _, once = one.partition(":")
        if name == point and once and _is_first(Path(once)):
            os.kill(os.getpid(), signal.SIGKILL)


def _is_first(once: Path) -> bool:
    try:
        once.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
