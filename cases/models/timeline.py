"""The story of a case: one line per thing that happened, append-only, hash-chained."""

from typing import Any

from django.conf import settings
from django.db import models


class TimelineEntry(models.Model):
    """Written only by cases.services.timeline. `seq` counts from 1 per case; `who` keeps the name for good."""

    class Kind(models.TextChoices):
        ALERT = "alert", "Alert"
        ENRICHMENT = "enrichment", "Enrichment"
        PERSON = "person", "Person"
        RUN = "run", "Runbook"

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="timeline")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=Kind)
    who = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    text = models.CharField(max_length=1000)
    refs = models.JSONField(default=dict, help_text="What did it: {alert, lookup, run, step, note}.")
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "timeline entries"
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="timeline_seq_once")]

    def __str__(self) -> str:
        return self.text

    def body(self) -> dict[str, Any]:
        """What the hash covers."""
        return {
            "case": self.case_id,
            "at": self.at.isoformat(),
            "kind": self.kind,
            "who": self.who,
            "text": self.text,
            "refs": self.refs,
        }
