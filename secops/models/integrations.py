"""A product that we may ask or act through: which connector, with what settings, how it fares."""

from django.db import models


class HealthState(models.TextChoices):
    """What the last test said."""

    UNKNOWN = "unknown", "Not tested"
    OK = "ok", "Works"
    FAILING = "failing", "Fails"


class Integration(models.Model):
    """One configured connector. Written only by `secops.integrations`; secrets are never shown again."""

    connector = models.SlugField(max_length=60)
    name = models.CharField(max_length=100, unique=True)
    settings = models.JSONField(default=dict, blank=True)
    secrets = models.JSONField(default=dict, blank=True, editable=False)  # {field: "<key id>:<token>"}
    is_enabled = models.BooleanField("enabled", default=True)
    max_tlp = models.PositiveSmallIntegerField(
        "maximum TLP",
        null=True,
        blank=True,
        choices=[(0, "Clear"), (1, "Green"), (2, "Amber"), (3, "Amber+strict"), (4, "Red")],
        help_text="The most confidential observable that may be shown to this product. Empty: the connector's own.",
    )
    is_simulated = models.BooleanField("simulated", default=False)  # the practice range; every page says so

    health_state = models.CharField(max_length=10, choices=HealthState, default=HealthState.UNKNOWN, editable=False)
    health_text = models.CharField(max_length=300, blank=True, editable=False)
    health_at = models.DateTimeField(null=True, blank=True, editable=False)

    # The rate limit: one row, shared by all processes. Never written together with the settings.
    tokens = models.FloatField(null=True, blank=True, editable=False)  # None: never asked, the bucket is full
    refilled_at = models.DateTimeField(null=True, blank=True, editable=False)
    hold_until = models.DateTimeField(null=True, blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)  # of the settings, not of health and rate

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
