"""Proof that a product does what we ask of it: a device cut off, read back and given back."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Drill(models.Model):
    """One drill of a connector's action on a test device. It counts for the device's group once it was released."""

    integration = models.ForeignKey("secops.Integration", on_delete=models.CASCADE, related_name="drills")
    capability = models.CharField(max_length=40)
    action = models.CharField(max_length=60, help_text="What was tried; another action undid it.")
    device_group = models.CharField(max_length=120, blank=True, help_text="Of the test device; empty: of no group.")
    is_for_all_groups = models.BooleanField(default=False, help_text="The practice range alone comes so.")
    device = models.ForeignKey("cases.Device", null=True, on_delete=models.PROTECT, related_name="drills")
    run = models.OneToOneField("response.Run", null=True, on_delete=models.PROTECT, related_name="drill")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    isolated_at = models.DateTimeField("done at", null=True, help_text="When it was sent.")
    verified_at = models.DateTimeField(null=True, help_text="When the product itself said so.")
    released_at = models.DateTimeField(null=True, help_text="When the product said that it was undone.")
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="drill_of_a_device_and_a_run",
                condition=Q(is_for_all_groups=True) | Q(device__isnull=False, run__isnull=False, by__isnull=False),
            ),
            models.CheckConstraint(
                name="drill_in_its_order",
                condition=Q(released_at__isnull=True) | Q(isolated_at__isnull=False, verified_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.integration}: {self.group_text}"

    @property
    def group_text(self) -> str:
        """The devices that it counts for, in words."""
        return "all groups" if self.is_for_all_groups else self.device_group or "no group"

    @property
    def state_text(self) -> str:
        if self.released_at:
            return "Simulated" if self.is_for_all_groups else "Passed"
        return "Not given back yet" if self.isolated_at else "Not finished"
