"""What must be recorded before anything is acquired in a covert case, and what Legal lets out of it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from cases.models import Case
from response.models.runbooks import body_hash


class MandateQuerySet(models.QuerySet["Mandate"]):
    def in_force(self, case: Case, at: datetime) -> "Mandate | None":
        """The latest that was authorised, is not revoked and not over."""
        found = self.filter(case=case, authorised_at__isnull=False, revoked_at__isnull=True, valid_until__gt=at)
        return found.select_related("requested_by", "authorised_by").first()


class Mandate(models.Model):
    """On which basis, how far and until when; asked for by one person and given by another, each free of conflict."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="mandates")
    legal_basis = models.CharField(max_length=300)
    scope = models.TextField(max_length=2_000)
    valid_until = models.DateTimeField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    requester_states = models.CharField(max_length=300, help_text="Their words on conflicts of interest.")
    authorised_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    authorised_at = models.DateTimeField(null=True)
    authoriser_states = models.CharField(max_length=300, blank=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revoked_because = models.CharField(max_length=500, blank=True)

    objects = MandateQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="mandate_authorised_by_whom",
                condition=Q(authorised_at__isnull=True, authorised_by__isnull=True)
                | Q(authorised_at__isnull=False, authorised_by__isnull=False) & ~Q(authoriser_states=""),
            ),
            models.CheckConstraint(
                name="mandate_given_by_another",
                condition=Q(authorised_by__isnull=True) | ~Q(authorised_by=F("requested_by")),
            ),
            models.CheckConstraint(
                name="mandate_revoked_by_whom",
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False) & ~Q(revoked_because=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Mandate of {self.case.number}: {self.legal_basis}"

    @property
    def words(self) -> dict[str, Any]:
        """What the authoriser reads and stands for."""
        return {
            "case": self.case_id,
            "legal_basis": self.legal_basis,
            "scope": self.scope,
            "valid_until": self.valid_until.isoformat(),
            "requested_by": self.requested_by_id,
        }

    @property
    def words_sha256(self) -> str:
        return body_hash(self.words)


class LegalRelease(models.Model):
    """What a member of Legal decided on letting HR know; the latest one holds."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="releases")
    is_released = models.BooleanField()
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{'Released' if self.is_released else 'Not released'} by {self.by}"
