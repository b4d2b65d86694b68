"""API tokens: shown once, kept as a hash, bound to scope and sources."""

import hashlib
import json
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.utils import timezone


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def live(self) -> "ApiTokenQuerySet":
        now = timezone.now()
        return self.filter(revoked_at__isnull=True).filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now)
        )


class ApiToken(models.Model):
    """256 random bits. Scope `intake` may send alerts and read back the ones it sent; `read` acts as its user."""

    class Scope(models.TextChoices):
        INTAKE = "intake", "Send alerts"
        READ = "read", "Read cases as its user"

    name = models.CharField(max_length=60, unique=True)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.INTAKE)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    sources = models.JSONField(
        default=list, blank=True, help_text="Sources that it may send as; empty: only its own name."
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_live(self) -> bool:
        """The same as `live()`, for one that is at hand."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @staticmethod
    def hashed(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    @classmethod
    def of_secret(cls, secret: str) -> "ApiToken | None":
        """The token of a secret as its row stands now, or None; whether it is live is another question.

        Every alert asks for it, and to compile its query costs more than all else of the question.
        """
        with connection.cursor() as cursor:
            cursor.execute(_by_hash(), [cls.hashed(secret)])
            row = cursor.fetchone()
        if row is None:
            return None
        fields = cls._meta.concrete_fields
        values = [_read(field, value) for field, value in zip(fields, row, strict=True)]
        return cls.from_db(connection.alias, [field.attname for field in fields], values)

    @classmethod
    def issue(cls, name: str, **fields: object) -> tuple["ApiToken", str]:
        """Make a token; its secret is returned here and never again."""
        secret = f"nd_{secrets.token_urlsafe(32)}"
        return cls.objects.create(name=name, sha256=cls.hashed(secret), **fields), secret

    def may_send_as(self, source: str) -> bool:
        return source == self.name or source in self.sources


@cache
def _by_hash() -> str:
    columns = ", ".join(f'"{field.column}"' for field in ApiToken._meta.concrete_fields)
    return f'SELECT {columns} FROM "{ApiToken._meta.db_table}" WHERE "sha256" = %s'  # noqa: S608 - our own names


def _read(field: Any, value: Any) -> Any:
    """A value as it is stored: JSON is text, and SQLite writes times without their zone, which is UTC."""
    if isinstance(value, str) and isinstance(field, models.JSONField):
        return json.loads(value)
    if isinstance(value, str) and isinstance(field, models.DateTimeField):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return value
