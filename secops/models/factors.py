"""What proves a person beyond their password: the secret of an authenticator app, and passkeys."""

from django.db import models
from django.db.models import Q

from secops.models.users import User


class FactorKind(models.TextChoices):
    """One app for each person, passkeys as many as they like."""

    APP = "app", "Authenticator app"
    PASSKEY = "passkey", "Passkey"


class Factor(models.Model):
    """Written only by `secops.factors`; the secret is shown once, when it is made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=7, choices=FactorKind)
    name = models.CharField(max_length=60)
    secret = models.CharField(max_length=300, blank=True)  # of an app: "<key id>:<token>"
    credential = models.BinaryField(default=bytes)  # of a passkey: its id and public key, as WebAuthn lays them out
    credential_sha256 = models.CharField(max_length=64, null=True, unique=True)
    # Of an app the newest interval whose code was taken, of a passkey its signature counter: both only grow.
    counter = models.BigIntegerField(default=0)
    wrong = models.PositiveSmallIntegerField(default=0)  # codes in a row ...
    wrong_at = models.DateTimeField(null=True)  # ... the last of them
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["kind", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(kind=FactorKind.APP), name="factor_one_app"),
            models.CheckConstraint(
                name="factor_is_whole",
                condition=Q(kind=FactorKind.APP, credential_sha256__isnull=True) & ~Q(secret="")
                | Q(kind=FactorKind.PASSKEY, credential_sha256__isnull=False, secret=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} “{self.name}”"
