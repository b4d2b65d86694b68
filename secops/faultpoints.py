"""Places where a test may kill or freeze this process on purpose; without the settings of a test they do nothing."""

import os
import signal
from pathlib import Path

KILL, STOP = "NIGHTDESK_TEST_KILL", "NIGHTDESK_TEST_STOP"  # "point:/path/of/a/once-file", several separated by commas
SIGNALS = {KILL: signal.SIGKILL, STOP: signal.SIGSTOP}
POINTS = (
    *("claim", "intent", "send", "done", "read_back", "lookup_claim", "lookup_asked", "lookup_done"),
    *("push_claim", "pushed"),
    *("segment_fetched", "segment_kept"),
    *("hunt_claim", "hunt_asked", "hunt_done"),
    *("evidence_begun", "evidence_written", "evidence_synced", "evidence_closed", "evidence_renamed"),
    *("evidence_placed", "evidence_row", "evidence_done"),
    *("delivered_part", "delivered"),
    *("fetched", "fetched_all"),
    *("examination_claim", "examination_read", "examination_done"),
)


def hit(point: str) -> None:
    """Send this process the signal whose setting names the point, the first time only: the once-file counts."""
    for setting, number in SIGNALS.items():
        wanted = os.environ.get(setting)
        if wanted and any(_is_meant(one, point) for one in wanted.split(",")):
            os.kill(os.getpid(), number)


def _is_meant(one: str, point: str) -> bool:
    name, _, once = one.partition(":")
    return name == point and bool(once) and _is_first(Path(once))


def _is_first(once: Path) -> bool:
    """The file also says who was hit, so that a test can wake up whom it froze."""
    try:
        with once.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True
