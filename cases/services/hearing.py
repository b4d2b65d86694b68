"""When a source was last heard. Written once a minute for each source and process, after the alerts are committed, so
that intake pays nothing for it and no two senders wait for one row."""

import logging
from collections.abc import Iterable
from datetime import datetime
from time import monotonic

from django.db import DatabaseError, transaction

from cases.models import Source

EVERY = 60.0  # seconds
MOST_KEPT = 10_000  # names are the senders' own
Key = tuple[str, str]  # source, detector
logger = logging.getLogger(__name__)
_written: dict[Key, float] = {}


def hear(keys: Iterable[Key], at: datetime) -> None:
    """These sources spoke at `at`. Never raises: the alerts are in, and a sender must not be told otherwise."""
    now = monotonic()
    due = sorted(key for key in keys if now - _written.get(key, -EVERY) >= EVERY)
    if not due:
        return
    if len(_written) > MOST_KEPT:
        _written.clear()
    _written.update(dict.fromkeys(due, now))
    try:
        with transaction.atomic():
            for key in due:
                note(key, at)
    except DatabaseError:
        logger.warning("When %s sources were heard could not be written", len(due))


def note(key: Key, at: datetime) -> Source:
    """The source's row, heard no earlier than `at`. In a transaction."""
    name, detector = key
    source, is_new = Source.objects.get_or_create(
        name=name, detector=detector[:60], defaults={"first_at": at, "heard_at": at}
    )
    if not is_new:
        Source.objects.filter(pk=source.pk, heard_at__lt=at).update(heard_at=at)
    return source


def forget() -> None:
    """As after a start: the next message of each source is written."""
    _written.clear()
