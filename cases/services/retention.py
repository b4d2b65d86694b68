"""How long evidence stays: legal hold, and destruction by two persons."""

from django.db import transaction
from django.utils import timezone

from cases.choices import CustodyAction
from cases.errors import EvidenceError
from cases.models import Evidence
from cases.services import custody
from cases.services.custody import locked, needed, say
from cases.services.store import is_needed, store
from secops import stepup
from secops.access import May, require
from secops.models import User
from secops.s3 import StoreAwayError


@transaction.atomic
def set_hold(evidence_id: int, reason: str, *, actor: User) -> Evidence:
    """Nobody destroys it until the hold is lifted; a request to do so falls."""
    require(actor, May.WORK)
    evidence = locked(evidence_id)
    if evidence.is_held:
        raise EvidenceError(f"{evidence.number} is under legal hold.")
    evidence.is_held = True
    _forget_request(evidence)
    custody.append(evidence, CustodyAction.HOLD_SET, actor=actor, reason=needed(reason))
    say(evidence, f"Legal hold set on {evidence.number}: {needed(reason)}", actor)
    return evidence


@transaction.atomic
def lift_hold(evidence_id: int, reason: str, *, actor: User) -> Evidence:
    """It may be destroyed again, by two persons."""
    require(actor, May.APPROVE)
    evidence = locked(evidence_id)
    if not evidence.is_held:
        raise EvidenceError(f"{evidence.number} is not under legal hold.")
    proved = stepup.require(actor)
    evidence.is_held = False
    evidence.save(update_fields=["is_held"])
    custody.append(evidence, CustodyAction.HOLD_LIFTED, actor=actor, reason=needed(reason))
    say(evidence, f"Legal hold on {evidence.number} lifted{proved.words}: {needed(reason)}", actor)
    return evidence


@transaction.atomic
def ask_destruction(evidence_id: int, reason: str, *, actor: User) -> Evidence:
    """The first person. Nothing is gone yet."""
    require(actor, May.WORK)
    evidence = locked(evidence_id)
    _require_free(evidence)
    evidence.destroy_asked_by, evidence.destroy_reason = actor, needed(reason)
    evidence.save(update_fields=["destroy_asked_by", "destroy_reason"])
    say(evidence, f"Asked that {evidence.number} be destroyed: {evidence.destroy_reason}", actor)
    return evidence


@transaction.atomic
def keep_after_all(evidence_id: int, *, actor: User) -> Evidence:
    """Takes the request back, or refuses it."""
    require(actor, May.WORK if actor.may(May.WORK) else May.APPROVE)
    evidence = locked(evidence_id)
    if evidence.destroy_asked_by is None:
        raise EvidenceError(f"Nobody asked that {evidence.number} be destroyed.")
    _forget_request(evidence)
    say(evidence, f"{evidence.number} is kept: the request to destroy it was taken back.", actor)
    return evidence


def destroy(evidence_id: int, *, actor: User) -> Evidence:
    """The second person. The row and its chain stay; the bytes go, unless another item has the same.

    Once more for an item whose file stayed all the same: two persons agreed, so one is enough."""
    require(actor, May.APPROVE)
    proved = stepup.require(actor)
    gone = Evidence.objects.get(pk=evidence_id)
    if remains(gone):
        _remove(gone)
        say(gone, f"The file of {gone.number} was still here and is removed now.", actor)
        return gone
    with transaction.atomic():
        evidence = locked(evidence_id)
        _require_free(evidence)
        first = evidence.destroy_asked_by
        if first is None:
            raise EvidenceError(f"Nobody asked that {evidence.number} be destroyed.")
        if first == actor:
            raise EvidenceError("Two persons destroy evidence: who asked for it cannot agree to it.")
        evidence.destroyed_at = timezone.now()
        evidence.save(update_fields=["destroyed_at"])
        said = {"asked_by": first.display_name, "asked_by_login": first.get_username()}
        custody.append(evidence, CustodyAction.DESTROYED, actor=actor, reason=evidence.destroy_reason, **said)
        say(evidence, f"{evidence.number} destroyed, as {first.display_name} asked{proved.words}.", actor)
    if evidence.sha256 and not is_needed(evidence.sha256):
        _remove(evidence)
    return evidence


def remains(evidence: Evidence) -> bool:
    """It was destroyed, and its file is here for nobody: whoever removed it failed or was killed."""
    sha256 = evidence.sha256
    return bool(evidence.destroyed_at and sha256) and store().has(sha256) and not is_needed(sha256)


def _remove(evidence: Evidence) -> None:
    try:
        store().remove(evidence.sha256, unless=lambda: is_needed(evidence.sha256))
    except (OSError, StoreAwayError) as error:
        what = "is destroyed, but its file could not be removed and is still here"
        why = f"{error.strerror}." if isinstance(error, OSError) else str(error)
        raise EvidenceError(f"{evidence.number} {what}: {why} Destroy it again.") from error


def _require_free(evidence: Evidence) -> None:
    if evidence.is_held:
        raise EvidenceError(f"{evidence.number} is under legal hold and may not be destroyed.")


def _forget_request(evidence: Evidence) -> None:
    evidence.destroy_asked_by, evidence.destroy_reason = None, ""
    evidence.save(update_fields=["is_held", "destroy_asked_by", "destroy_reason"])
