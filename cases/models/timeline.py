"""The story of a case: one line per thing that happened, append-only, hash-chained."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q


class TimelineEntry(models.Model):
    """Written only by cases.services.timeline. `seq` counts from 1 per case; `who` keeps the name for good.

    `at` is when it was written, which is the order of the chain. What an attacker did is learnt later: such an entry
    also has `occurred_at`, as the evidence in `refs` gives it.
    """

    class Kind(models.TextChoices):
        ALERT = "alert", "Alert"
        ENRICHMENT = "enrichment", "Enrichment"
        PERSON = "person", "Person"
        RUN = "run", "Runbook"
        ATTACKER = "attacker", "Attacker"

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="timeline")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    occurred_at = models.DateTimeField(null=True, help_text="When the attacker did it; empty for all other kinds.")
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
        constraints = [
            models.UniqueConstraint(fields=["case", "seq"], name="timeline_seq_once"),
            models.CheckConstraint(
                name="timeline_attacker_has_a_time",
                condition=Q(kind="attacker", occurred_at__isnull=False)
                | ~Q(kind="attacker") & Q(occurred_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.text

    def body(self) -> dict[str, Any]:
        """What the hash covers; a time of occurrence only where there is one, as in all entries before it was known."""
        occurred = {"occurred_at": self.occurred_at.isoformat()} if self.occurred_at else {}
        return occurred | {
            "case": self.case_id,
            "at": self.at.isoformat(),
            "kind": self.kind,
            "who": self.who,
            "text": self.text,
            "refs": self.refs,
        }
