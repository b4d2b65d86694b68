"""What the approval of a hunt includes: so many devices of one group, if the hunt finds them, may be cut off by it."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Allowance(models.Model):
    """Given by the approvals of a hunt's step, bound to the parameters that they saw. Its row is the lock of its count,
    taken after the step's."""

    hunt_step = models.OneToOneField("response.StepRun", on_delete=models.PROTECT, related_name="allowance")
    approval = models.ForeignKey(
        "response.Approval",
        on_delete=models.PROTECT,
        related_name="allowances",
        help_text="The one that made it whole.",
    )
    params_sha256 = models.CharField(max_length=64, help_text="Of the hunt, as approved.")
    device_group = models.CharField(max_length=120)
    most = models.PositiveSmallIntegerField(help_text="Devices.")
    given_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="allowance_withdrawn_by_whom",
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"Up to {self.most} of {self.device_group}"


class AllowanceUse(models.Model):
    """A step that goes on it instead of an approval of its own, bound to its own parameters; one for a device."""

    allowance = models.ForeignKey(Allowance, on_delete=models.PROTECT, related_name="uses")
    step = models.OneToOneField("response.StepRun", on_delete=models.PROTECT, related_name="allowed")
    device = models.ForeignKey("cases.Device", on_delete=models.PROTECT, related_name="+")
    params_sha256 = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["allowance", "device"], name="allowance_used_once_per_device"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """In few words, where approvals are listed."""
        approval = self.allowance.approval
        return f"Approved with the hunt by {approval.decided_by.display_name} (approval {approval.pk})"
