"""One-time tickets for bytes that leave: bound to a person, an item and a purpose, good for two minutes."""

import hashlib
from secrets import token_urlsafe
from typing import Any

from django.core.cache import cache

from cases.errors import EvidenceError
from secops.models import User

SECONDS = 120


def issue(user: User, what: dict[str, Any]) -> str:
    """A secret that `redeem` takes once; only its hash is kept, beside what it is for."""
    secret = token_urlsafe(32)
    cache.set(_key(secret), {"user": user.pk} | what, SECONDS)
    return secret


def redeem(secret: str, user: User, case_id: int) -> dict[str, Any]:
    """Use the ticket up; of two who come at once, one gets it. EvidenceError for whoever has none that fits."""
    key = _key(secret)
    found = cache.get(key)
    is_theirs = bool(found) and found["user"] == user.pk and found["case"] == case_id
    if not is_theirs or not cache.delete(key):
        raise EvidenceError("This download was used, is too old or is not yours. Ask for it again.")
    return dict(found)


def _key(secret: str) -> str:
    return f"evidence:{hashlib.sha256(secret.encode()).hexdigest()}"
