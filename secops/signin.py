"""Ways to sign in: one-time links, and the brake on guessing passwords."""

import hashlib
import logging
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from secops.errors import SecopsError
from secops.models import SignInLink, User

logger = logging.getLogger(__name__)

LINK_MINUTES = 10
TRIES = 10  # wrong passwords per account or address ...
TRIES_SECONDS = 900  # ... in this time


class LinkUsedError(SecopsError):
    """A link that is unknown, used or too old; which of them is not said."""

    status_code = 410


class TooManyTriesError(SecopsError):
    """The brake on guessing."""

    status_code = 429


def issue_link(user: User) -> str:
    """A path that signs the user in, once, within ten minutes."""
    secret = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user, sha256=_hashed(secret), expires_at=timezone.now() + timedelta(minutes=LINK_MINUTES)
    )
    return f"/signin/{secret}/"


def is_good(secret: str) -> bool:
    """Would the link sign somebody in now? Asking does not use it up."""
    links = SignInLink.objects.filter(sha256=_hashed(secret), used_at__isnull=True, expires_at__gt=timezone.now())
    return links.filter(user__is_active=True).exists()


def redeem_link(secret: str) -> User:
    """Use the link up and return its user; two who come at once: one gets in."""
    now = timezone.now()
    with transaction.atomic():
        used = SignInLink.objects.filter(sha256=_hashed(secret), used_at__isnull=True, expires_at__gt=now).update(
            used_at=now
        )
        link = SignInLink.objects.select_related("user").filter(sha256=_hashed(secret)).first()
    if not used or link is None or not link.user.is_active:
        raise LinkUsedError("This link was used or is too old. Ask for a new one.")
    return link.user


def base_url() -> str:
    """NIGHTDESK_URL, else the address that quickstart wrote into the data folder, else the usual one."""
    note = settings.DATA_DIR / "address"
    if settings.NIGHTDESK_URL:
        return str(settings.NIGHTDESK_URL)
    return note.read_text().strip() if note.exists() else "http://127.0.0.1:8000"


def brake(username: str, address: str) -> None:
    """TooManyTriesError when this account or this address was wrong too often."""
    for key in _keys(username, address):
        if int(cache.get(key) or 0) >= TRIES:
            raise TooManyTriesError("Too many tries. Wait a quarter of an hour and sign in again.")


def count_wrong(username: str, address: str) -> None:
    """One more wrong password. The cache is shared, so every web process counts."""
    logger.warning("Wrong password or unknown user, from %s", address)
    for key in _keys(username, address):
        cache.add(key, 0, TRIES_SECONDS)
        cache.set(key, int(cache.get(key) or 0) + 1, TRIES_SECONDS)


def _keys(username: str, address: str) -> tuple[str, str]:
    return tuple(f"signin:{_hashed(value)[:32]}" for value in (f"user {username.lower()}", f"from {address}"))  # type: ignore[return-value]


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
