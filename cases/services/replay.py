"""Rejected payloads, read again: after a detector learnt a format, or a sender was let in."""

from django.utils import timezone

from cases.intake.split import split
from cases.models import RejectedPayload
from cases.services import alerts

MAX_BYTES = 10_000_000


def again(rejected: RejectedPayload) -> bool:
    """Take it in as if it came now, from the same source; True when all of it could be read. Safe to repeat."""
    batch = split(rejected.raw(), max_alerts=alerts.MAX_BATCH, max_bytes=MAX_BYTES)
    receipt = alerts.receive(batch.messages, detector=rejected.detector, source=rejected.source, keeps_rejected=False)
    is_read = bool(receipt.results) and not receipt.number("rejected")
    if is_read:
        RejectedPayload.objects.filter(pk=rejected.pk).update(replayed_at=timezone.now())
    return is_read
