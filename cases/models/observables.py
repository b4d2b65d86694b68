"""Things seen: addresses, names, hashes, keys; one row per kind and value for the whole house."""

from django.db import models

from cases.choices import ObservableKind, Verdict


class Observable(models.Model):
    """STIX's word. `value` is normalised (STANDARDS.md part 1.1); `verdict` is the worst that a finding said."""

    kind = models.CharField(max_length=16, choices=ObservableKind)
    value = models.CharField(max_length=4096)
    value_key = models.CharField(max_length=64, editable=False, help_text="SHA-256 of kind and value.")
    is_indicator = models.BooleanField(default=False)
    is_noise = models.BooleanField(default=False, help_text="Never counts for 'seen before'.")
    verdict = models.CharField(max_length=13, choices=Verdict, blank=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["value_key"], name="observable_once")]

    def __str__(self) -> str:
        return self.value
