"""Secrets of integrations at rest: Fernet, keys derived from the deployment's, the key's id beside each token."""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from secops.errors import SecopsError


class SecretError(SecopsError):
    """A secret cannot be read; its text never holds the secret or the token."""

    status_code = 500


def encrypt(text: str) -> str:
    """`<key id>:<token>`, under the first of SECRETS_KEYS."""
    ring = _ring(tuple(settings.SECRETS_KEYS))
    return f"{current_key_id()}:{ring.encrypt(text.encode()).decode()}"


def decrypt(token: str) -> str:
    """The text; SecretError when no key of SECRETS_KEYS opens it."""
    key_id, _, body = token.partition(":")
    try:
        return _ring(tuple(settings.SECRETS_KEYS)).decrypt(body.encode()).decode()
    except InvalidToken as error:
        raise SecretError(f"The key {key_id} of a secret is not among NIGHTDESK_SECRETS_KEYS.") from error


def rotated(token: str) -> str:
    """The same secret under the first key."""
    return token if token.partition(":")[0] == current_key_id() else encrypt(decrypt(token))


def current_key_id() -> str:
    """Eight characters that name the first key without telling anything of it."""
    return hashlib.sha256(b"key id" + _derived(settings.SECRETS_KEYS[0])).hexdigest()[:8]


@lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


@lru_cache(maxsize=32)
def _derived(key: str) -> bytes:
    """The deployment's key is any long text; Fernet wants 32 bytes."""
    raw = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"nightdesk integration secrets").derive(key.encode())
    return base64.urlsafe_b64encode(raw)
