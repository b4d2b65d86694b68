"""What was changed outside of cases: settings, tokens, roles, runbooks; one hash chain."""

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from secops.chain import FIRST, entry_hash


class AuditEntry(models.Model):
    """Append-only; `seq` counts from 1 without gaps."""

    seq = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    who = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    text = models.CharField(max_length=500)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return self.text

    def body(self) -> dict[str, Any]:
        return {"at": self.at.isoformat(), "who": self.who, "text": self.text}

    @classmethod
    def append(cls, text: str, *, actor: Any = None) -> "AuditEntry":
        """Add one line; writers queue up on the last row."""
        with transaction.atomic():
            last = cls.objects.select_for_update().order_by("-seq").first()
            entry = cls(
                seq=last.seq + 1 if last else 1,
                at=timezone.now(),
                who=actor.get_username() if actor else "Nightdesk",
                user=actor,
                text=text[:500],
                previous=last.hash if last else FIRST,
            )
            entry.hash = entry_hash(entry.seq, entry.previous, entry.body())
            entry.save(force_insert=True)
        return entry
