"""A named pipe for each queue: whoever enqueues wakes the cluster of this machine at once.

Only a hint. What is due stands in the database, and a cluster looks there by itself every LOOK_SECONDS: a message of
another machine, or one whose byte was lost, waits that long.
"""

import logging
import os
import select
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)
FULL = 4_096  # bytes read at once: every ring until now is heard by one look into the database


def ring(queue: str) -> None:
    """Wake who waits; nothing happens when nobody does, or when the pipe is full of rings not heard yet."""
    with suppress(OSError):
        pipe = os.open(_path(queue), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, b".")
        finally:
            os.close(pipe)


def wait(queue: str, seconds: float) -> bool:
    """Return at the first ring, or after so many seconds; whether it rang. Without a pipe it only waits."""
    pipe = _opened(queue)
    if pipe is None:
        time.sleep(seconds)
        return False
    is_rung = bool(select.select([pipe], [], [], seconds)[0])
    if is_rung:
        with suppress(BlockingIOError):  # another cluster of the same queue heard it too
            os.read(pipe, FULL)
    return is_rung


@cache
def _opened(queue: str) -> int | None:
    """The pipe, made when it is not there; open for writing too, so that it never ends. None where there can be none:
    a folder that takes no pipes, or another file of that name."""
    path = _path(queue)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        if not path.is_fifo():
            raise OSError("it is another sort of file")
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        logger.warning("There is no bell at %s, so the queue %s is looked at now and then: %s", path, queue, error)
        return None


os.register_at_fork(after_in_child=_opened.cache_clear)


def _path(queue: str) -> Path:
    return Path(settings.DATA_DIR) / "bells" / queue
