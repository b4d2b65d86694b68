"""Signs of life: when each queue last carried a canary, when the clock last ticked."""

from django.db import models


class Heartbeat(models.Model):
    """One row per thing that must be alive: `queue:response`, `queue:enrichment`, `tick`."""

    name = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
