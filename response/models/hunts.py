"""Hunts: what is looked for, each question to each source, and what was found where."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from cases.models import Case
from response.choices import OPEN_ASK, AskState, HuntState
from secops.hunting.clauses import Clause, read


class HuntQuerySet(models.QuerySet["Hunt"]):
    def visible_to(self, user: Any) -> "HuntQuerySet":
        """Hunts of the cases that the user may see."""
        return self.filter(case__in=Case.objects.visible_to(user))


class Hunt(models.Model):
    """A search on all devices, for a case. Its step asked for it; the questions are asked one by one by workers."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="hunts")
    step = models.OneToOneField("response.StepRun", on_delete=models.PROTECT, related_name="hunt")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=300)
    clauses = models.JSONField(help_text="[{kind, value}]: what fits any of them is a hit.")
    group = models.CharField(max_length=120, blank=True, help_text="A device group; empty: all devices.")
    start_at = models.DateTimeField(help_text="The window that was asked for; a source may hold less of it.")
    end_at = models.DateTimeField()
    devices = models.PositiveIntegerField(null=True, help_text="How many it asks about; empty: no source said.")
    state = models.CharField(max_length=7, choices=HuntState, default=HuntState.RUNNING)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = HuntQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="hunt_state_is_known", condition=Q(state__in=HuntState.values)),
            models.CheckConstraint(
                name="hunt_ended_says_when",
                condition=Q(state=HuntState.RUNNING, ended_at__isnull=True)
                | ~Q(state=HuntState.RUNNING) & Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def what(self) -> list[Clause]:
        return read(self.clauses)

    @property
    def is_running(self) -> bool:
        return self.state == HuntState.RUNNING


class HuntAsk(models.Model):
    """One question of a clause to one source: small enough for one call. Claimed for a lease, by a token."""

    hunt = models.ForeignKey(Hunt, on_delete=models.PROTECT, related_name="asks")
    source = models.CharField(max_length=100, help_text="Name of the integration.")
    clause = models.PositiveSmallIntegerField(help_text="Which of the hunt's, from 0.")
    part = models.PositiveSmallIntegerField(help_text="Which of the clause's questions, from 0.")
    about = models.CharField(max_length=40, help_text="programs that ran, files, ...")
    state = models.CharField(max_length=8, choices=AskState, default=AskState.DUE)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was refused or failed, or waits.")
    notes = models.JSONField(default=list, help_text="What must be said of the answer.")
    covers_from = models.DateTimeField(null=True, help_text="What was searched, when that is less than asked.")
    hits = models.PositiveIntegerField(default=0)
    is_cut = models.BooleanField(default=False, help_text="There are more hits than were taken.")
    token = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["hunt", "clause", "part", "source"]
        constraints = [
            models.UniqueConstraint(fields=["hunt", "source", "clause", "part"], name="hunt_asks_once"),
            models.CheckConstraint(name="hunt_ask_state_is_known", condition=Q(state__in=AskState.values)),
            models.CheckConstraint(
                name="hunt_ask_has_a_lease",
                condition=Q(state=AskState.ASKING, lease_until__isnull=False)
                | ~Q(state=AskState.ASKING) & Q(lease_until__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["not_before", "id"], name="hunt_ask_due", condition=Q(state__in=OPEN_ASK))]

    def __str__(self) -> str:
        return f"{self.source}: {self.about}"


class HuntHit(models.Model):
    """Found on a device. Without `device` it is known only by what the source said, and is no device of the case."""

    hunt = models.ForeignKey(Hunt, on_delete=models.PROTECT, related_name="found")
    device = models.ForeignKey("cases.Device", null=True, on_delete=models.PROTECT, related_name="hunt_hits")
    source = models.CharField(max_length=100)
    clause = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=255, blank=True, help_text="Of the device, as the source says it.")
    agent_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=45, blank=True)
    what = models.CharField(max_length=1000, help_text="Path, key, address or name.")
    detail = models.CharField(max_length=500, blank=True)
    first_seen_at = models.DateTimeField(null=True)
    count = models.PositiveIntegerField(default=1)
    has_run = models.BooleanField(null=True)
    key = models.CharField(max_length=64, help_text="SHA-256 of source, clause, device and what.")
    is_own = models.BooleanField(default=False, help_text="A device that the case was about before.")

    class Meta:
        ordering = ["hunt", "name", "address", "what", "pk"]
        constraints = [models.UniqueConstraint(fields=["hunt", "key"], name="hunt_hit_once")]

    def __str__(self) -> str:
        return f"{self.name or self.address}: {self.what}"
