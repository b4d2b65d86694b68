"""What holds a disruptive step back whoever approved it: devices that are left alone, and times of maintenance."""

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cases.models import Device
from response.models.nights import Hours


class ProtectedDevices(models.Model):
    """Devices that no disruptive step touches, by what they are: all that is filled in must fit, in any case."""

    what = models.CharField(
        "they are", max_length=80, help_text="As a sentence goes on: a file server, a domain controller."
    )
    kind = models.CharField(max_length=40, blank=True, help_text="As devices have it, such as server.")
    group = models.CharField(max_length=120, blank=True, help_text="As devices have it, such as IT.")
    name_pattern = models.CharField(max_length=120, blank=True, help_text="Of the name: FS-* fits FS-HAM-02.")
    reason = models.CharField(max_length=300, blank=True, help_text="Why, and what to do instead.")
    is_enabled = models.BooleanField("holds", default=True)

    class Meta:
        ordering = ["what", "pk"]
        verbose_name = verbose_name_plural = "do-not-isolate list"
        constraints = [
            models.CheckConstraint(
                name="protected_devices_say_which",
                condition=~Q(kind="", group="", name_pattern=""),
                violation_error_message="Say which devices: by kind, group or name.",
            )
        ]

    def __str__(self) -> str:
        return self.what

    def holds(self, device: Device) -> bool:
        """Is it one of these devices?"""
        pairs = ((self.kind, device.kind), (self.group, device.group))
        is_alike = all(not wanted or wanted.casefold() == had.casefold() for wanted, had in pairs)
        pattern = self.name_pattern.casefold()
        return is_alike and (not pattern or fnmatchcase(device.name.casefold(), pattern))


class MaintenanceWindow(Hours):
    """While it lasts, disruptive steps wait: from one moment to another, or in these hours of the week, or both."""

    reason = models.CharField(max_length=200, help_text="Such as: monthly patches of the branch offices.")
    device_group = models.CharField(max_length=120, blank=True, help_text="As devices have it; empty: all devices.")
    begins_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["begins_at", "pk"]

    def __str__(self) -> str:
        return self.reason

    def clean(self) -> None:
        super().clean()
        if self.ends_at is None and self.starts is None:
            raise ValidationError({"ends_at": "It would last for ever: say when it ends, or its hours of the week."})
        if self.begins_at and self.ends_at and self.begins_at >= self.ends_at:
            raise ValidationError({"ends_at": "It ends after it begins."})

    def covers(self, at: datetime) -> bool:
        is_between = (self.begins_at is None or self.begins_at <= at) and (self.ends_at is None or at < self.ends_at)
        return is_between and super().covers(at)

    def until(self, at: datetime) -> datetime:
        """When it ends, asked while it lasts: at the latest then it is asked again."""
        local = at.astimezone(ZoneInfo(self.zone))
        if self.ends is not None:
            end = local.replace(hour=self.ends.hour, minute=self.ends.minute, second=self.ends.second, microsecond=0)
            end += timedelta(days=0 if end >= local.replace(microsecond=0) else 1)
        else:
            end = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        if self.ends_at is None:
            return end
        is_by_the_clock = self.ends is not None or bool(self.weekdays)
        return min(end, self.ends_at) if is_by_the_clock else self.ends_at
