"""Who sends alerts: when each source was last heard, how much it sends by the hour, and what is expected of it."""

from django.db import models
from django.db.models import Q


class Source(models.Model):
    """A sender and the detector that reads it. No alert of a restricted case counts here: a page that all may read
    must not tell that one came."""

    class Watch(models.TextChoices):
        OFF = "off", "Not watched"
        HOURS = "hours", "After the hours set here"
        LEARNT = "learnt", "As learnt from its past days"

    name = models.CharField(max_length=60)
    detector = models.CharField(max_length=60)
    first_at = models.DateTimeField()
    heard_at = models.DateTimeField(help_text="Any message, also one that is no alert or could not be read.")
    watch = models.CharField("a case when silent", max_length=8, choices=Watch, default=Watch.OFF)
    hours = models.PositiveSmallIntegerField(null=True, help_text="Silent after so many hours without a message.")
    silent_case = models.ForeignKey(
        "cases.Case", null=True, on_delete=models.SET_NULL, related_name="+", help_text="Of the silence that lasts."
    )

    class Meta:
        ordering = ["name", "detector"]
        constraints = [
            models.UniqueConstraint(fields=["name", "detector"], name="source_once"),
            models.CheckConstraint(
                name="source_watched_by_hours_has_them", condition=~Q(watch="hours") | Q(hours__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.detector})"


class SourceHour(models.Model):
    """How many alerts a source sent in one hour of the clock, by time of receipt."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="by_hour")
    hour = models.DateTimeField()
    alerts = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "hour"], name="source_hour_once")]
        indexes = [models.Index(fields=["hour"], name="source_hours")]


class AlertsCounted(models.Model):
    """One row: all alerts up to this id stand in the hours."""

    upto = models.BigIntegerField(default=0)
