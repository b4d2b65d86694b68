"""Step-up sign-in: whoever decides on something that matters proves anew that it is them (RELIABILITY.md, control 15).

`answer` takes what a form brought along, `require` is asked by the services that decide. What was proved lies in the
session, gives it a new key, counts for NIGHTDESK_STEPUP_MINUTES and ends with its factor.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from secops import factors
from secops.models import User
from secops.models.factors import FactorKind
from secops.proofs import Proof, ProofError, Proved, ProvedBy

SIGNED_IN, PROVED = "signed_in", "proved"  # in the session
OVERLAP = timedelta(seconds=60)  # how long the old key still opens what it opened before a proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a form shows above its button: nothing, a field for a code, a passkey, or where to get one."""

    is_wanted: bool = False
    has_app: bool = False
    has_passkey: bool = False

    @property
    def must_enrol(self) -> bool:
        return self.is_wanted and not self.has_app and not self.has_passkey


# --- the session -----------------------------------------------------------------------------------------


@receiver(user_logged_in, dispatch_uid="secops.stepup")
def note_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """How the session was opened; the view of the one-time link corrects it."""
    signed_in_by(request, ProvedBy.PASSWORD)


def signed_in_by(request: HttpRequest, how: ProvedBy) -> None:
    request.session[SIGNED_IN] = {"by": how, "at": timezone.now().isoformat()}


def proof_of(session: SessionBase) -> Proof:
    """What the session knows of its person."""
    signed_in, proved = session.get(SIGNED_IN) or {}, session.get(PROVED) or {}
    return Proof(
        signed_in_by=signed_in.get("by", ""),
        signed_in_at=_time(signed_in),
        by=proved.get("by", ""),
        at=_time(proved),
        factor=proved.get("factor", 0),
    )


def answer(request: HttpRequest, user: User) -> None:
    """Take the code or the passkey that a form brought along, if it did and if one is wanted still.

    ProofMiddleware renews the session then. WrongProofError, LockedError.
    """
    code, passkey = request.POST.get("code", ""), request.POST.get("passkey", "")
    if not (code or passkey) or has_proved(user):
        return
    factor = (
        factors.check_passkey(request, user, passkey) if passkey else factors.check_code(user, code, request.session)
    )
    by = ProvedBy.PASSKEY if factor.kind == FactorKind.PASSKEY else ProvedBy.CODE
    request.session[PROVED] = {"by": by, "at": timezone.now().isoformat(), "factor": factor.pk}
    request.session.pop(factors.WRONG, None)
    user.proof = proof_of(request.session)


def renew(session: SessionBase) -> None:
    """A new key: who knows the old one has gained nothing by the proof.

    What other tabs asked for under the old one is still on its way: it is answered as before, since an answer to
    nobody would take the new cookie away. A session that was signed out meanwhile stays so.
    """
    data, old = dict(session.items()), type(session)(session.session_key)
    session.create()
    session.update(data)
    old.clear()
    old.update({name: value for name, value in data.items() if name != PROVED})
    old.set_expiry(timezone.now() + OVERLAP)
    with suppress(UpdateError):
        old.save()


# --- the question ----------------------------------------------------------------------------------------


def ask(user: User) -> Ask:
    """What stands between this person and a decision now."""
    if settings.STEPUP == "off":
        return Ask()
    kinds = dict(user.factors.values_list("pk", "kind"))
    if _is_fresh(user.proof) and user.proof.factor in kinds:
        return Ask()
    return Ask(
        is_wanted=bool(kinds) or settings.STEPUP == "required",
        has_app=FactorKind.APP in kinds.values(),
        has_passkey=FactorKind.PASSKEY in kinds.values(),
    )


def require(actor: User) -> Proved:
    """How they proved themselves, for the record; ProofError when that is not enough now."""
    wanted = ask(actor)
    if wanted.must_enrol:
        raise ProofError("This needs a second factor, and you have none yet. Add one under Security, then decide.")
    if wanted.is_wanted:
        how = "a passkey or a code, which an API token cannot give"
        raise ProofError(f"Prove that it is you by {how}, then decide. It counts for {_minutes()}.")
    return proved(actor)


def require_again(user: User) -> None:
    """Before somebody's factors change, whatever NIGHTDESK_STEPUP says: one that they have already; for the first
    one, having signed in just now. So a session that was stolen or left open gets none of its own."""
    if problem := why_not_change(user):
        raise ProofError(problem)


def why_not_change(user: User) -> str:
    """The same in words, or nothing."""
    if user.factors.exists():
        return "" if has_proved(user) else "Prove that it is you by a passkey or a code, before your factors change."
    at = user.proof.signed_in_at
    if at is None or not _is_recent(at):
        return f"You signed in more than {_minutes()} ago. Sign out and in again, then add the first factor."
    return ""


def has_proved(user: User) -> bool:
    """Lately, by a factor that is still theirs."""
    return _is_fresh(user.proof) and user.factors.filter(pk=user.proof.factor).exists()


def proved(actor: User) -> Proved:
    """The strongest that counts now."""
    proof = actor.proof
    if _is_fresh(proof):
        return Proved(by=proof.by, at=proof.at)
    return Proved(by=proof.signed_in_by, at=proof.signed_in_at)


def _is_fresh(proof: Proof) -> bool:
    return proof.at is not None and _is_recent(proof.at)


def _is_recent(at: datetime) -> bool:
    return timezone.now() - at < timedelta(minutes=settings.STEPUP_MINUTES)


def _minutes() -> str:
    return f"{settings.STEPUP_MINUTES:g} minutes"


def _time(kept: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(kept["at"]) if kept else None
