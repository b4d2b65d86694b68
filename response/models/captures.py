"""Packet captures that run until their device is released, and the finished files that were taken from them."""

from typing import Any

from django.db import models
from django.db.models import Q

from response.choices import LIVE_CAPTURE, CaptureState


class CaptureQuerySet(models.QuerySet["Capture"]):
    def live(self) -> "CaptureQuerySet":
        """Running, or with packets that are still to be fetched."""
        return self.filter(state__in=LIVE_CAPTURE)

    def of(self, case: Any, device_id: Any) -> "CaptureQuerySet":
        return self.filter(case=case, device_id=device_id)

    def ask_to_stop(self, reason: str, at: Any) -> int:
        """Ask each that runs to end with a last file; who works for the response cluster does it at once.

        No longer apart: the process that has one may be at a file of another capture for half an hour.
        """
        running = self.filter(state=CaptureState.RUNNING)
        asked = {"reason": reason[:300], "stop_asked_at": at, "next_at": at}
        return running.update(state=CaptureState.STOPPING, is_apart=False, **asked)


class Capture(models.Model):
    """One capture, made by the step that started it. `next_at` is when its files are looked for again, and the claim:
    a worker moves it ahead by the time that it may take."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="captures")
    device = models.ForeignKey("cases.Device", on_delete=models.PROTECT, related_name="captures")
    step = models.OneToOneField("response.StepRun", on_delete=models.PROTECT, related_name="capture")
    integration = models.CharField(max_length=100, help_text="Name of the integration that captures.")
    handle = models.CharField(max_length=200)
    sensor = models.CharField(max_length=120, blank=True)
    mac = models.CharField(max_length=17, blank=True, help_text="The device's on the network, as it was started.")
    address = models.CharField(max_length=45, blank=True)
    state = models.CharField(max_length=8, choices=CaptureState, default=CaptureState.RUNNING)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it ends, or what keeps it.")
    rotate_seconds = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    next_at = models.DateTimeField()
    stop_asked_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    failing = models.CharField(max_length=120, blank=True, help_text="The file that is on its way, or failed last.")
    failures = models.PositiveSmallIntegerField(default=0, help_text="Of that file, in a row.")
    done_bytes = models.PositiveBigIntegerField(default=0, help_text="Of the file that is on its way.")
    total_bytes = models.PositiveBigIntegerField(default=0, help_text="0: it is not known before it is here.")
    is_apart = models.BooleanField(default=False, help_text="What is next takes a process of its own.")

    objects = CaptureQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="capture_state_is_known", condition=Q(state__in=CaptureState.values)),
            models.UniqueConstraint(
                fields=["case", "device"], condition=Q(state="running"), name="one_running_capture_per_device"
            ),
        ]
        indexes = [models.Index(fields=["next_at"], name="capture_due", condition=Q(state__in=LIVE_CAPTURE))]

    def __str__(self) -> str:
        return f"Packet capture {self.pk}"


class CaptureSegment(models.Model):
    """One finished file: kept once, however often a worker dies over it. Without evidence it held no packets, or was
    lost, and `problem` says why."""

    capture = models.ForeignKey(Capture, on_delete=models.PROTECT, related_name="segments")
    name = models.CharField(max_length=120, help_text="The product's name for it.")
    evidence = models.OneToOneField(
        "cases.Evidence", null=True, on_delete=models.PROTECT, related_name="capture_segment"
    )
    packets = models.PositiveBigIntegerField(default=0)
    new_peers = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["capture", "name"], name="capture_segment_once")]

    def __str__(self) -> str:
        return self.name
