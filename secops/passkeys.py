"""Passkeys: challenge and answer of WebAuthn Level 3, checked by Yubico's `fido2`; knows sessions, no table.

A challenge lies in the session, is used up by the first answer and is good for five minutes. The device must have
verified its owner (PIN, finger, face), and no attestation is asked for: which make it is matters to nobody here.
"""

import ipaddress
import json
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from secops.proofs import WrongProofError

SECONDS = 300  # of a challenge
STATE = "passkey_challenge"
MOST = 20_000  # characters of an answer
# Whatever a browser sent may be anything: the parsers say so by one of these.
MALFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    RecursionError,
    struct.error,
)


def begin_adding(request: HttpRequest, user_id: int, name: str, label: str, known: Sequence[bytes]) -> dict[str, Any]:
    """What `navigator.credentials.create` wants, as JSON; `known` are the credentials that the person has already."""
    options, state = _server(request).register_begin(
        PublicKeyCredentialUserEntity(id=f"{user_id}".encode(), name=name, display_name=label),
        _described(known),
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,  # we say whom we ask, so none has to be kept there
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _kept(request, "add", state, options)


def added(request: HttpRequest, answer: str) -> tuple[bytes, int]:
    """The credential, and its signature counter, of an answer to `begin_adding`; WrongProofError for any other."""

    def check(state: Any, body: Any) -> tuple[bytes, int]:
        found = _server(request).register_complete(state, RegistrationResponse.from_dict(body))
        if found.credential_data is None:
            raise ValueError("no credential")
        return bytes(found.credential_data), found.counter

    return _checked(request, "add", answer, check)


def begin(request: HttpRequest, known: Sequence[bytes]) -> dict[str, Any]:
    """What `navigator.credentials.get` wants, as JSON."""
    options, state = _server(request).authenticate_begin(
        _described(known), user_verification=UserVerificationRequirement.REQUIRED
    )
    return _kept(request, "use", state, options)


def used(request: HttpRequest, known: Sequence[bytes], answer: str) -> tuple[bytes, int]:
    """Which of `known` answered, and its signature counter now; WrongProofError when none did."""

    def check(state: Any, body: Any) -> tuple[bytes, int]:
        response = AuthenticationResponse.from_dict(body)
        found = _server(request).authenticate_complete(state, [AttestedCredentialData(one) for one in known], response)
        return bytes(found), response.response.authenticator_data.counter

    return _checked(request, "use", answer, check)


def why_not(request: HttpRequest) -> str:
    """Why browsers offer no passkey at this address, or nothing."""
    host = _site(request).hostname or ""
    with suppress(ValueError):
        ipaddress.ip_address(host)
        port = f":{_site(request).port}" if _site(request).port else ""
        return f"Passkeys belong to a name, not to an address: open this page at localhost{port} or set NIGHTDESK_URL."
    return ""


def _site(request: HttpRequest) -> Any:
    """NIGHTDESK_URL, else the host that was asked for, which ALLOWED_HOSTS has checked."""
    return urlsplit(settings.NIGHTDESK_URL or f"{request.scheme}://{request.get_host()}")


def _server(request: HttpRequest) -> Fido2Server:
    site = _site(request)
    origin = f"{site.scheme}://{site.netloc}".lower()
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=site.hostname, name=settings.PRODUCT_NAME),
        verify_origin=lambda said: said == origin,
    )


def _described(known: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    ids = [AttestedCredentialData(one).credential_id for one in known]
    return [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=one) for one in ids]


def _kept(request: HttpRequest, what: str, state: Any, options: Any) -> dict[str, Any]:
    request.session[STATE] = {"what": what, "state": dict(state), "until": time() + SECONDS}
    return dict(options)


def _checked[T](request: HttpRequest, what: str, answer: str, check: Callable[[Any, Any], T]) -> T:
    kept = request.session.pop(STATE, None)
    if kept is None or kept["what"] != what or kept["until"] < time():
        raise WrongProofError("The passkey was asked for too long ago, or its answer came already. Try again.")
    try:
        return check(kept["state"], json.loads(answer[:MOST]))
    except MALFORMED as error:
        raise WrongProofError("That passkey did not prove that it is you. Try again.") from error
