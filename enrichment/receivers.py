"""The bell of enrichment: cases are due for planning."""

from typing import Any

from django.dispatch import receiver

from cases.signals import planning_due
from secops.taskqueue import ring


@receiver(planning_due)
def ring_when_planning_is_due(sender: Any, **kwargs: Any) -> None:
    """Inside the alert's transaction: the bell exists if and only if the alert does."""
    ring("enrichment")
