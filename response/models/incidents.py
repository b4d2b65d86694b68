"""Major-incident mode: two persons raise the caps for some hours."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

MOST_HOURS = 24
MOST_PER_HOUR = 5_000


class MajorIncident(models.Model):
    """One person proposes it, another signs: then it is on until `until`, or until somebody ends it."""

    reason = models.CharField(max_length=300)
    cap = models.PositiveIntegerField(
        "isolations per hour", validators=[MinValueValidator(1), MaxValueValidator(MOST_PER_HOUR)]
    )
    hours = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)])
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="major_incident_signed_by_another",
                condition=Q(signed_by__isnull=True, signed_at__isnull=True, until__isnull=True)
                | Q(signed_by__isnull=False, signed_at__isnull=False, until__isnull=False)
                & ~Q(signed_by=F("proposed_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.reason
