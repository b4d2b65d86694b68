"""When nobody answers: who is called in which order, what may go without an answer, and what is looked at later."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from response.choices import Consent, PageReason, PageState
from response.models.runbooks import body_hash

WEEKDAYS = RegexValidator(r"^1?2?3?4?5?6?7?$", "Days from 1 (Monday) to 7 (Sunday) in order, such as 12345.")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _is_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"{name} is not a time zone. Europe/Lisbon is one.")


class Hours(models.Model):
    """Times of the week. A night from 22:00 to 06:00 belongs to the day on which it starts."""

    weekdays = models.CharField(
        max_length=7, blank=True, validators=[WEEKDAYS], help_text="1 is Monday, 7 Sunday; empty: every day."
    )
    starts = models.TimeField(null=True, blank=True, help_text="Empty with the end: the whole day.")
    ends = models.TimeField(null=True, blank=True)
    zone = models.CharField("time zone", max_length=40, default="UTC", validators=[_is_zone])

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        if (self.starts is None) != (self.ends is None):
            raise ValidationError({"ends": "Start and end belong together; leave both empty for the whole day."})
        if self.starts is not None and self.starts == self.ends:
            raise ValidationError({"ends": "The end is another time than the start."})

    def covers(self, at: datetime) -> bool:
        """Is it one of these hours?"""
        local = at.astimezone(ZoneInfo(self.zone))
        now = local.time().replace(tzinfo=None)
        starts, ends = self.starts or time.min, self.ends or time.max
        is_over_midnight = starts > ends
        is_after_midnight = is_over_midnight and now < ends
        day = (local - timedelta(days=1) if is_after_midnight else local).isoweekday()
        is_inside = (now >= starts or now < ends) if is_over_midnight else starts <= now <= ends
        return is_inside and (not self.weekdays or str(day) in self.weekdays)

    @property
    def hours_text(self) -> str:
        """Such as "Mon, Tue 22:00 to 06:00 UTC"."""
        days = ", ".join(DAYS[int(day) - 1] for day in self.weekdays) or "every day"
        if self.starts is None or self.ends is None:
            return days
        return f"{days} {self.starts:%H:%M} to {self.ends:%H:%M} {self.zone}"


class OnCall(Hours):
    """One place of the rota: this person is called in these hours, the lower order first."""

    order = models.PositiveSmallIntegerField(default=1)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="on_call")

    class Meta:
        ordering = ["order", "pk"]
        verbose_name = "on call"
        verbose_name_plural = "on call"

    def __str__(self) -> str:
        return f"{self.order}. {self.person}"


class Page(models.Model):
    """A call to one person about one step, and how it went out."""

    step = models.ForeignKey("response.StepRun", on_delete=models.PROTECT, related_name="pages")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pages")
    reason = models.CharField(max_length=8, choices=PageReason, default=PageReason.ASKED)
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=PageState, default=PageState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=300, blank=True, help_text="By which way it went out, or why not.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["step", "person", "reason"], name="page_once"),
            models.CheckConstraint(name="page_state_is_known", condition=Q(state__in=PageState.values)),
        ]
        indexes = [models.Index(fields=["not_before", "id"], name="page_due", condition=Q(state="due"))]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_state_display()}"


class StandingApproval(Hours):
    """What two persons allow ahead of time, within bounds. Changing a bound voids both signatures."""

    title = models.CharField(max_length=120)
    action = models.CharField(max_length=60)
    device_group = models.CharField(max_length=120, help_text="Exactly as devices have it, such as Finance laptops.")
    min_risk = models.PositiveSmallIntegerField(
        "risk at least", default=70, validators=[MaxValueValidator(100)], help_text="Of the case, 0 to 100."
    )
    cap = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text="Uses within any 24 hours."
    )
    is_after_rota = models.BooleanField(
        "only when nobody answers", default=True, help_text="Off: at once, also while people are awake."
    )
    expires_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["title", "pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def bounds(self) -> dict[str, Any]:
        """What the signatures are bound to."""
        return {
            "action": self.action,
            "device_group": self.device_group,
            "min_risk": self.min_risk,
            "cap": self.cap,
            "is_after_rota": self.is_after_rota,
            "weekdays": self.weekdays,
            "starts": f"{self.starts:%H:%M:%S}" if self.starts else "",
            "ends": f"{self.ends:%H:%M:%S}" if self.ends else "",
            "zone": self.zone,
            "expires_at": self.expires_at.astimezone(UTC).isoformat(),
        }

    @property
    def bounds_sha256(self) -> str:
        return body_hash(self.bounds)


class Signature(models.Model):
    """One person stands for these bounds."""

    standing = models.ForeignKey(StandingApproval, on_delete=models.CASCADE, related_name="signatures")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    bounds_sha256 = models.CharField(max_length=64)
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ["signed_at"]
        constraints = [models.UniqueConstraint(fields=["standing", "person"], name="signature_once_per_person")]

    def __str__(self) -> str:
        return str(self.person)


class Override(models.Model):
    """A step that went without an answer of that moment, bound to its parameters; somebody must look at it later."""

    step = models.OneToOneField("response.StepRun", on_delete=models.PROTECT, related_name="override")
    kind = models.CharField(max_length=8, choices=Consent)
    standing = models.ForeignKey(StandingApproval, null=True, on_delete=models.PROTECT, related_name="uses")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    params_sha256 = models.CharField(max_length=64)
    at = models.DateTimeField()
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    review = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.CheckConstraint(
                name="override_says_by_what",
                condition=Q(kind="standing", standing__isnull=False, by__isnull=True)
                | Q(kind="break", standing__isnull=True, by__isnull=False),
            ),
            models.CheckConstraint(
                name="override_reviewed_by_whom",
                condition=Q(reviewed_at__isnull=True, reviewed_by__isnull=True)
                | Q(reviewed_at__isnull=False, reviewed_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"

    @property
    def title(self) -> str:
        """In few words, where approvals are listed."""
        return f"Standing approval “{self.standing}”" if self.standing else f"Break-glass by {self.by}"
