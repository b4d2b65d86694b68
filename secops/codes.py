"""Codes of an authenticator app: RFC 6238 with SHA-1, six digits and 30 seconds, which every app understands."""

import base64
import secrets
from time import time

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS = 6
SECONDS = 30
DRIFT = 1  # intervals that a clock may be off, either way
BYTES = 20  # of a secret, as long as its hash (RFC 4226, section 4)


def new_secret() -> str:
    """Base32, as an app reads it."""
    return base64.b32encode(secrets.token_bytes(BYTES)).decode()


def code(secret: str, counter: int) -> str:
    """The six digits of that interval."""
    return _totp(secret).generate(counter * SECONDS).decode()


def interval(at: float | None = None) -> int:
    """Which interval of 30 seconds it is now, or was at that Unix time."""
    return int((time() if at is None else at) // SECONDS)


def matching(secret: str, said: str) -> int | None:
    """The interval near now whose code it is, or None; blanks within are taken away."""
    said = "".join(said.split())
    if len(said) != DIGITS or not (said.isascii() and said.isdigit()):
        return None
    now = interval()
    found = [one for one in range(now - DRIFT, now + DRIFT + 1) if bytes_eq(code(secret, one).encode(), said.encode())]
    return max(found, default=None)


def address(secret: str, *, issuer: str, account: str) -> str:
    """What the QR code says: an `otpauth://` address."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), SECONDS)  # noqa: S303 - as an HMAC, and what apps know
