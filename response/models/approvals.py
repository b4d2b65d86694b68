"""What people decided on a step: bound to the hash of the parameters that they saw."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from response.choices import Decision
from secops.proofs import ProvedBy


class Approval(models.Model):
    """One person's decision. It counts only for these parameters, until `expires_at`, while the person may approve."""

    step = models.ForeignKey("response.StepRun", on_delete=models.PROTECT, related_name="approvals")
    params_sha256 = models.CharField(max_length=64)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decided_approvals")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requested_approvals"
    )
    decision = models.CharField(max_length=8, choices=Decision)
    reason = models.CharField(max_length=500, blank=True)
    auth_at = models.DateTimeField(null=True, help_text="When the person signed in or proved themselves anew.")
    proved_by = models.CharField(max_length=8, choices=ProvedBy, blank=True, default="")  # empty: no session decided
    decided_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["step", "decided_by", "params_sha256"], name="approval_once_per_parameters"
            ),
            models.CheckConstraint(name="approval_by_another", condition=~Q(decided_by=F("requested_by"))),
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()} by {self.decided_by}"
