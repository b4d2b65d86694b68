"""The gate before the first acquisition of a covert case: legal basis, scope, authoriser, conflicts of interest.

A mandate is asked for by one person and given by another. Both say that they have no conflict of interest, and what
the record knows is checked as well, again just before each send: the subject may become known only later.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from cases.choices import Circle
from cases.intake.gate import clean_text
from cases.models import Case, CaseMember, TimelineEntry
from cases.services import members, timeline
from response.actions.base import Action
from response.errors import MandateError
from response.models import Mandate
from response.services import clock
from secops import stepup
from secops.access import May, require
from secops.errors import NotAllowedError
from secops.models import User

NO_CONFLICT = "I am neither the subject nor their manager or delegate, and have no stake in the outcome."
LONGEST = timedelta(days=90)
MISSING = "No mandate: legal basis, scope and authoriser are not recorded"


@transaction.atomic
def ask(case_id: int, legal_basis: str, scope: str, days: int, *, states_no_conflict: bool, actor: User) -> Mandate:
    """Write down what is wanted; it allows nothing until another person authorises it."""
    require(actor, May.WORK)
    case = _locked(case_id)
    _require_covert(case)
    _require_open(case)
    legal_basis, scope = clean_text(legal_basis).strip(), clean_text(scope).strip()
    if not legal_basis or not scope:
        raise MandateError("A mandate names its legal basis and its scope.")
    if not 1 <= days <= LONGEST.days:
        raise MandateError(f"A mandate is valid for 1 to {LONGEST.days} days.")
    _require_no_conflict(case, actor, states_no_conflict=states_no_conflict)
    now = clock.now()
    mandate = Mandate.objects.create(
        case=case,
        legal_basis=legal_basis[:300],
        scope=scope[:2_000],
        valid_until=now + timedelta(days=days),
        requested_by=actor,
        requested_at=now,
        requester_states=NO_CONFLICT,
    )
    _say(case, f"Asked for a mandate, valid until {mandate.valid_until:%d %b %Y}: {mandate.legal_basis}", actor)
    return mandate


@transaction.atomic
def authorise(case_id: int, *, words_sha256: str, states_no_conflict: bool, actor: User) -> Mandate:
    """Stand for the mandate that is asked for, exactly as shown."""
    case = _locked(case_id)
    if text := why_not(case, actor):
        raise NotAllowedError(text)
    _require_open(case)
    mandate = asked_for(case)
    if mandate is None:
        raise MandateError("No mandate is asked for.")
    if mandate.requested_by_id == actor.pk:
        raise NotAllowedError("You asked for this mandate, so another person authorises it.")
    if mandate.words_sha256 != words_sha256:
        raise MandateError("It was asked for anew meanwhile. Read it again, then authorise.")
    _require_no_conflict(case, actor, states_no_conflict=states_no_conflict)
    proved = stepup.require(actor)
    mandate.authorised_by, mandate.authorised_at, mandate.authoriser_states = actor, clock.now(), NO_CONFLICT
    mandate.save(update_fields=["authorised_by", "authorised_at", "authoriser_states"])
    _say(case, f"Authorised the mandate {words_sha256[:12]}{proved.words}: {mandate.legal_basis}", actor)
    return mandate


@transaction.atomic
def revoke(case_id: int, reason: str, *, actor: User) -> Mandate:
    """Nothing more is acquired from here on; also how a mandate that is only asked for is refused.

    All of the case's go, or the one before a renewal would count again by itself.
    """
    case = _locked(case_id)
    if text := why_not(case, actor):
        raise NotAllowedError(text)
    reason = clean_text(reason).strip()[:500]
    if not reason:
        raise MandateError("This needs a reason.")
    now = clock.now()
    open_ones = Q(authorised_at__isnull=True) | Q(valid_until__gt=now)
    mandates = list(Mandate.objects.filter(open_ones, case=case, revoked_at__isnull=True))
    if not mandates:
        raise MandateError("There is no mandate to take back.")
    Mandate.objects.filter(pk__in=[one.pk for one in mandates]).update(
        revoked_by=actor, revoked_at=now, revoked_because=reason
    )
    was_given = any(one.authorised_at for one in mandates)
    _say(case, f"{'Revoked' if was_given else 'Refused'} the mandate: {reason}", actor)
    return Mandate.objects.get(pk=mandates[0].pk)


def why_not(case: Case, user: User) -> str:
    """Why this person's role cannot authorise; empty for approvers and for members of the case from Legal."""
    if user.may(May.APPROVE) or is_of(case, user, Circle.LEGAL):
        return ""
    return "Only an approver, or a member of the case from Legal, authorises a mandate."


def is_of(case: Case, user: User, circle: Circle) -> bool:
    """Is this person of that team and named for this case?"""
    return circle in user.group_names and CaseMember.objects.filter(case=case, user=user).exists()


def asked_for(case: Case) -> Mandate | None:
    """The latest, while nobody has authorised or refused it."""
    latest = Mandate.objects.filter(case=case).select_related("requested_by").first()
    return latest if latest and latest.authorised_at is None and latest.revoked_at is None else None


def in_force(case: Case) -> Mandate | None:
    """The latest that was authorised, is not revoked and not over."""
    return Mandate.objects.in_force(case, clock.now())


def missing(action: Action, case: Case) -> str:
    """Why this may not be acquired in this case now, or nothing."""
    if not (case.is_covert and action.needs_mandate):
        return ""
    mandate = in_force(case)
    if mandate is None:
        return f"{MISSING}, and {case.number} is covert"
    for person in (mandate.requested_by, mandate.authorised_by):
        if person is not None and (text := members.conflict(case, person)):
            return f"The mandate does not count: {text}"
    return ""


def _require_covert(case: Case) -> None:
    if not case.is_covert:
        raise MandateError(f"{case.number} is not covert, so it needs no mandate.")


def _require_open(case: Case) -> None:
    if not case.is_open:
        raise MandateError(f"{case.number} is closed: nothing more is acquired.")


def _require_no_conflict(case: Case, actor: User, *, states_no_conflict: bool) -> None:
    if text := members.conflict(case, actor):
        raise NotAllowedError(text)
    if not states_no_conflict:
        raise MandateError("State that you have no conflict of interest, or leave it to somebody else.")


def _locked(case_id: int) -> Case:
    return Case.objects.select_for_update().get(pk=case_id)


def _say(case: Case, text: str, actor: User) -> None:
    timeline.record(case.pk, text, kind=TimelineEntry.Kind.PERSON, actor=actor)
