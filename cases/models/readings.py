"""Who looked at a restricted case, and when."""

from django.conf import settings
from django.db import models


class CaseReading(models.Model):
    """One sitting of one person: from the first page that they opened to the last."""

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="readings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    what = models.CharField(max_length=300, blank=True, help_text="What they took away; empty: pages were opened.")

    class Meta:
        ordering = ["-last_at"]
        indexes = [models.Index(fields=["case", "user", "-last_at"], name="reading_latest")]

    def __str__(self) -> str:
        return f"{self.user}: {self.first_at:%d %b %H:%M} to {self.last_at:%H:%M}"
