"""Second factors: an app or a passkey is added, proves somebody, is removed, is reset by an admin."""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from secops import codes, passkeys
from secops import secrets as vault
from secops.errors import ConflictError
from secops.models import AuditEntry, Factor, User
from secops.models.factors import FactorKind
from secops.proofs import LockedError, WrongProofError

logger = logging.getLogger(__name__)

TRIES = 5  # wrong codes of one session, which ends then: so a stolen one locks out nobody else for long
MOST_WRONG = 15  # of a person in a row, in whatever sessions ...
LOCKED = timedelta(minutes=15)  # ... and how long none is taken then
WRONG = "wrong_codes"  # in the session
MOST = 10  # factors of one person
ENDED = "Too many wrong codes in this session: you are signed out. Sign in again."


# --- write -----------------------------------------------------------------------------------------------


def add_app(user: User, secret: str, counter: int) -> Factor:
    """Keep the secret, encrypted; a code of the interval `counter` has proved that the app has it, and is used up."""
    made = Factor(user=user, kind=FactorKind.APP, name="Authenticator app", secret=vault.encrypt(secret))
    made.counter = counter
    return _added(made)


def add_passkey(request: HttpRequest, user: User, name: str, answer: str) -> Factor:
    """Keep the public half that the browser brought."""
    credential, counter = passkeys.added(request, answer)
    made = Factor(user=user, kind=FactorKind.PASSKEY, name=_clean(name) or "Passkey")
    made.credential, made.counter = credential, counter
    made.credential_sha256 = hashlib.sha256(credential).hexdigest()
    return _added(made)


def remove(factor: Factor) -> None:
    """By its owner."""
    with transaction.atomic():
        AuditEntry.append(f"Removed the second factor {factor} of {factor.user}", actor=factor.user)
        factor.delete()


def reset(user: User, *, actor: User | None) -> int:
    """Forget all of a person's, who lost them; how many there were. No actor: on the command line."""
    with transaction.atomic():
        number, _ = Factor.objects.filter(user=user).delete()
        AuditEntry.append(f"Reset the second factors of {user}: {number} removed", actor=actor)
    return number


def rotate_secrets() -> int:
    """Bring every secret under the first key; the number of rows that changed."""
    changed = 0
    for factor in Factor.objects.filter(kind=FactorKind.APP):
        fresh = vault.rotated(factor.secret)
        if fresh != factor.secret:
            changed += Factor.objects.filter(pk=factor.pk, secret=factor.secret).update(secret=fresh)
    return changed


def _clean(name: str) -> str:
    return " ".join("".join(one for one in name if one.isprintable()).split())[:60]


def _added(factor: Factor) -> Factor:
    if Factor.objects.filter(user=factor.user).count() >= MOST:
        raise ConflictError(f"You have {MOST} already. Remove one first.")
    try:
        with transaction.atomic():
            factor.save(force_insert=True)
            AuditEntry.append(f"Added the second factor {factor} of {factor.user}", actor=factor.user)
    except IntegrityError as error:
        raise ConflictError("You have this one already.") from error
    return factor


# --- prove -----------------------------------------------------------------------------------------------


def check_code(user: User, said: str, session: SessionBase | None = None) -> Factor:
    """The person's app, if it shows this code now and never showed it here before.

    The row is locked: two processes take a code once, and count wrong ones exactly, of the session too.
    WrongProofError, LockedError.
    """
    with transaction.atomic():
        factor = Factor.objects.select_for_update().filter(user=user, kind=FactorKind.APP).first()
        if factor is None:
            raise WrongProofError("You have no authenticator app here. Use your passkey.")
        if session is not None and not session.exists(session.session_key or ""):  # another request of it was faster
            raise LockedError(ENDED)
        at = timezone.now()
        problem = _problem(factor, said, at, session)
        factor.save(update_fields=["counter", "wrong", "wrong_at", "used_at"])
    if problem is not None:
        raise problem
    return factor


def check_passkey(request: HttpRequest, user: User, answer: str) -> Factor:
    """The passkey that answered; one whose signature counter did not grow was copied."""
    of_user = {bytes(one.credential): one for one in user.factors.filter(kind=FactorKind.PASSKEY)}
    credential, counter = passkeys.used(request, list(of_user), answer)
    found = of_user[credential]
    unmoved: Any = {"counter__lt": counter} if counter or found.counter else {}  # many keep none and say 0
    if not Factor.objects.filter(pk=found.pk, **unmoved).update(counter=counter, used_at=timezone.now()):
        logger.warning("Passkey %d of user %d: its counter did not grow", found.pk, user.pk)
        raise WrongProofError("This passkey seems to have been copied. Remove it, and tell an administrator.")
    return found


def known_passkeys(user: User) -> list[bytes]:
    """As WebAuthn lays them out."""
    return [bytes(one.credential) for one in user.factors.filter(kind=FactorKind.PASSKEY)]


def _problem(factor: Factor, said: str, at: datetime, session: SessionBase | None) -> WrongProofError | None:
    """Take the code, or say why not; either is on the row that the caller saves."""
    if factor.wrong_at is None or factor.wrong_at + LOCKED <= at:
        factor.wrong = 0
    if factor.wrong >= MOST_WRONG and factor.wrong_at is not None:
        return LockedError(f"Too many wrong codes. Yours are taken again at {factor.wrong_at + LOCKED:%H:%M} UTC.")
    counter = codes.matching(vault.decrypt(factor.secret), said)
    if counter is not None and counter > factor.counter:
        factor.counter, factor.wrong, factor.used_at = counter, 0, at
        return None
    if counter is not None:
        return WrongProofError("This code was used already. Wait for the next one.")
    return _wrong(factor, at, session)


def _wrong(factor: Factor, at: datetime, session: SessionBase | None) -> WrongProofError:
    factor.wrong, factor.wrong_at = factor.wrong + 1, at
    logger.warning("Wrong code of user %d, %d in a row", factor.user_id, factor.wrong)
    of_session = _counted(session) if session is not None else 0
    if session is not None and of_session >= TRIES:
        session.flush()
        AuditEntry.append(f"{TRIES} wrong codes in one session of {factor.user}: it was ended")
    if factor.wrong >= MOST_WRONG:
        until = f"{at + LOCKED:%H:%M} UTC"
        AuditEntry.append(f"{MOST_WRONG} wrong codes in a row: those of {factor.user} wait until {until}")
        return LockedError(f"Too many wrong codes. Yours are taken again at {until}.")
    if of_session >= TRIES:
        return LockedError(ENDED)
    left = min(MOST_WRONG - factor.wrong, TRIES - of_session)
    return WrongProofError(f"That is not the code that your app shows now. {left} tries are left.")


def _counted(session: SessionBase) -> int:
    """Wrong codes of this session with the one at hand; kept at once, since its other requests wait for the row."""
    kept = type(session)(session.session_key)
    kept[WRONG] = number = int(kept.get(WRONG, 0)) + 1
    kept.save()
    return number
