"""Suppression: alerts that somebody answers for not seeing, by property and for a time, and which those were."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

CONDITIONS = ("kind", "source", "detector", "rule_id", "device", "network", "person", "observable", "title")


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def in_force(self, at: datetime) -> "SuppressionQuerySet":
        return self.filter(ended_at__isnull=True, expires_at__gt=at)


class Suppression(models.Model):
    """A rule: an alert for which every condition that is filled in holds makes no case.

    A rule is never changed, only ended and written anew, so what was weighed before it was written is what holds.
    """

    # the kind's slug, no foreign key: a rule whose kind is gone fits nothing, where an empty one would fit everything
    kind = models.CharField(max_length=60, blank=True)
    source = models.CharField(max_length=60, blank=True)
    detector = models.CharField(max_length=60, blank=True)
    rule_id = models.CharField(max_length=255, blank=True)
    device = models.CharField(max_length=255, blank=True)
    network = models.CharField(max_length=50, blank=True, help_text="An address or a network of the device or flow.")
    person = models.CharField(max_length=255, blank=True, help_text="Login or UPN.")
    observable = models.CharField(max_length=1000, blank=True)
    title = models.CharField(max_length=300, blank=True, help_text="The title contains it, whatever the case.")
    reason = models.CharField(max_length=1000)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="suppressions")
    written_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    hits = models.PositiveBigIntegerField(default=0)
    last_hit_at = models.DateTimeField(null=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="suppression_has_a_condition",
                condition=~models.Q(**dict.fromkeys(CONDITIONS, "")),
            ),
            models.CheckConstraint(name="suppression_says_why", condition=~models.Q(reason="")),
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="suppression_running", condition=models.Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"SUP-{self.pk}"

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None or self.expires_at <= timezone.now()


class SuppressedAlert(models.Model):
    """An alert that a rule kept out of the queue, and when somebody let it in after all."""

    alert = models.OneToOneField(
        "cases.Alert", primary_key=True, on_delete=models.CASCADE, related_name="suppressed_as"
    )
    suppression = models.ForeignKey(Suppression, on_delete=models.PROTECT, related_name="suppressed")
    at = models.DateTimeField()
    let_in_at = models.DateTimeField(null=True)
    let_in_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["suppression", "-alert"], name="suppressed_by_rule")]
