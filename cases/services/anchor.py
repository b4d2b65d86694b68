"""The heads of all chains of custody, written where nobody who can rewrite the database can: a folder, or a mailbox."""

import os
import time
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from cases.models import CustodyHead
from secops import integrations

EVERY = 3_600  # seconds
AGAIN = 600  # seconds, after a mail that did not go out
FILE = "nightdesk-anchor.txt"
MAIL = "mailto:"
SENT = "custody:anchored"  # in the shared cache while no mail is due
SUBJECT = "chains of custody"


def folder() -> Path | None:
    """Where the file of heads stands; None without one."""
    where = settings.NIGHTDESK_ANCHOR
    return Path(where) if where and not where.startswith(MAIL) else None


def receiver() -> str:
    """The mailbox that gets the heads; empty without one."""
    where: str = settings.NIGHTDESK_ANCHOR
    return where.removeprefix(MAIL) if where.startswith(MAIL) else ""


def write_if_due() -> int:
    """Append what changed in the last hour, and a line that says so also when nothing did; how many heads."""
    place = folder()
    if place is None:
        return 0
    path = place / FILE
    if path.exists() and time.time() - path.stat().st_mtime < EVERY:
        return 0
    heads = _heads(only_changed=path.exists())
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(_text(heads))
        file.flush()
        os.fsync(file.fileno())
    _remember(heads)
    return len(heads)


def is_mail_due() -> bool:
    """Something changed since the last mail, and that was an hour ago."""
    return bool(receiver()) and cache.get(SENT) is None and bool(_heads(only_changed=True))


def mail_if_due() -> int:
    """One mail with what changed. SecopsError when it did not go out, or may not have: it is sent again later."""
    if not is_mail_due() or not cache.add(SENT, 1, AGAIN):
        return 0
    heads = _heads(only_changed=True)
    found = integrations.with_capability("mail")
    if not found:
        raise integrations.IntegrationError("The anchor of custody needs a mail server: add the integration smtp.")
    connector = integrations.connector_of(found[0])
    key = f"custody-{timezone.now():%Y%m%dT%H%M%S}"
    subject = f"{settings.PRODUCT_NAME}: {SUBJECT}"
    connector.send_mail(to=[receiver()], subject=subject, text=_text(heads), key=key)  # type: ignore[attr-defined]
    cache.set(SENT, 1, EVERY)
    _remember(heads)
    return len(heads)


def _heads(*, only_changed: bool) -> list[CustodyHead]:
    heads = CustodyHead.objects.filter(seq__gt=0).order_by("case_id")
    return list(heads.exclude(anchored=F("hash")) if only_changed else heads)


def _text(heads: list[CustodyHead]) -> str:
    at = timezone.now().isoformat(timespec="seconds")
    lines = [f"CASE-{head.case_id} {head.seq} {head.hash} {at}" for head in heads]
    return "\n".join([f"# {at} {len(heads)} chains of custody have grown", *lines, ""])


def _remember(heads: list[CustodyHead]) -> None:
    for head in heads:
        CustodyHead.objects.filter(pk=head.pk).update(anchored=head.hash)
