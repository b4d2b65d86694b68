"""What the record lends to the clock: the heads of custody go outside, hourly."""

import logging
from time import monotonic

from cases.services import anchor
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


def mail_anchor() -> int:
    """For a worker: a mail that does not go out is logged and tried again later."""
    try:
        return anchor.mail_if_due()
    except SecopsError as error:
        logger.error("The anchor of custody was not mailed: %s", error)
        return 0
