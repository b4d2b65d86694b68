"""What the record lends to the clock: hourly the heads of custody go outside, old evidence is hashed again, and each
minute the alerts of each source are counted and silence is noticed."""

import logging
import subprocess
import sys
from time import monotonic

from django.conf import settings
from django.utils import timezone

from cases.services import anchor, counting, evidence, silence
from secops.errors import SecopsError
from secops.taskqueue import ring

LOOK = 60.0  # seconds between two looks, also after a fault
logger = logging.getLogger(__name__)


class AnchorClock:
    """Writes to the folder itself; a mail is left to a worker, since the clock never waits for the outside."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def __call__(self) -> int:
        if monotonic() < self._next_at:
            return 0
        self._next_at = monotonic() + LOOK
        try:
            return anchor.write_if_due() + (int(ring("enrichment")) if anchor.is_mail_due() else 0)
        except OSError as error:
            logger.error("The anchor of custody cannot be written: %s", error.strerror)
            return 0


class RehashClock:
    """Starts a process for it, one at a time: an image is read for minutes, and queue workers wait no such time."""

    command = (sys.executable, str(settings.BASE_DIR / "manage.py"), "verify_evidence", "--due")
    every = 3_600.0

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._next_at = 0.0

    def __call__(self) -> int:
        if monotonic() < self._next_at or (self._child is not None and self._child.poll() is None):
            return 0
        self._next_at = monotonic() + self.every
        if not evidence.due_for_check().exists():
            return 0
        self._child = subprocess.Popen(self.command)  # noqa: S603 - our own command
        return 1


class SourcesClock:
    """A source is not called silent before this clock has gone for a while: after a stop of our own nobody could be
    heard."""

    every = 60.0
    patience = 600.0  # seconds

    def __init__(self) -> None:
        self._next_at = 0.0
        self._begun_at: float | None = None

    def __call__(self) -> int:
        now = monotonic()
        if now < self._next_at:
            return 0
        self._begun_at = now if self._begun_at is None else self._begun_at
        is_behind = counting.count(timezone.now()) >= counting.STEP
        self._next_at = now if is_behind else now + self.every
        return silence.check(timezone.now()) if now - self._begun_at >= self.patience else 0


def mail_anchor() -> int:
    """For a worker: a mail that does not go out is logged and tried again later."""
    try:
        return anchor.mail_if_due()
    except SecopsError as error:
        logger.error("The anchor of custody was not mailed: %s", error)
        return 0
