"""People who sign in, and what they may do."""

from functools import cached_property

from django.contrib.auth.models import AbstractUser
from django.db import models

from secops.access import May, allowed
from secops.proofs import Proof


class User(AbstractUser):
    """Roles are groups named as in secops.access; other groups are teams that restricted cases may name.

    Being a superuser gives nothing on cases and runs: only roles do.
    """

    class Theme(models.TextChoices):
        AUTO = "auto", "As the device"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    uses_keys = models.BooleanField("single-key shortcuts", default=True)
    time_zone = models.CharField(max_length=40, default="UTC")

    proof = Proof()  # no column: how they proved themselves in the session at hand, set by ProofMiddleware

    @cached_property
    def group_names(self) -> frozenset[str]:
        return frozenset(self.groups.values_list("name", flat=True)) if self.is_active else frozenset()

    @cached_property
    def abilities(self) -> frozenset[May]:
        return allowed(self.group_names)

    def may(self, may: May) -> bool:
        """Does one of the roles allow it? A disabled user may nothing."""
        return may in self.abilities

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.get_username()


class SignInLink(models.Model):
    """A one-time link: only the hash of its secret is kept, it dies on use or after ten minutes."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
