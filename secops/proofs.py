"""How a person proved, in the session at hand, that it is them; a User carries it as `proof`."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models

from secops.errors import SecopsError


class ProofError(SecopsError):
    """Nothing is wrong but that a proof is missing or too old: the page asks for one."""

    status_code = 403


class WrongProofError(ProofError):
    """A code or a passkey that proves nothing; says in words what to do."""

    status_code = 422


class LockedError(WrongProofError):
    """Too many wrong codes; says until when."""

    status_code = 429


class ProvedBy(models.TextChoices):
    """The first two are what opened the session; the others are stronger and count for some minutes."""

    PASSWORD = "password", "password only"
    LINK = "link", "one-time link only"
    CODE = "code", "code of an app"
    PASSKEY = "passkey", "passkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Nothing at all for whoever comes from no session: a token, a command, a task."""

    signed_in_by: str = ""  # ProvedBy
    signed_in_at: datetime | None = None
    by: str = ""  # ProvedBy: CODE or PASSKEY
    at: datetime | None = None
    factor: int = 0  # the id of what proved it; the proof ends with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What a decision writes down: `by` is a ProvedBy, or empty where no session decided."""

    by: str = ""
    at: datetime | None = None

    @property
    def words(self) -> str:
        """For the end of a sentence."""
        return f", proved by {ProvedBy(self.by).label}" if self.by else ""
