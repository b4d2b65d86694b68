"""The two ways out of a covert case: into the open, because somebody else drove the device, or closed as unfounded."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from cases.choices import Disposition
from cases.errors import IncompleteError, TransitionError
from cases.intake.gate import clean_text
from cases.models import Case, TimelineEntry
from cases.services import cases, timeline
from secops import stepup
from secops.access import May, require
from secops.models import User

SHORTEST = 10  # characters of a reason


@transaction.atomic
def uncover(case_id: int, reason: str, *, actor: User) -> Case:
    """From covert to open response: from here on what the subject could notice is allowed. It stays restricted."""
    require(actor, May.APPROVE)
    reason = _needed(reason)
    case = _covert(case_id)
    proved = stepup.require(actor)
    case.is_covert = False
    case.updated_at = timezone.now()
    case.save(update_fields=["is_covert", "updated_at"])
    _say(case, f"Not covert any more, decided by {actor.display_name}{proved.words}: {reason}", actor)
    return case


@transaction.atomic
def close_unfounded(case_id: int, reason: str, keep_until: date, *, actor: User) -> Case:
    """Nothing was found against the subject: closed, and kept untouched until a stated day.

    Nothing is erased by itself after that day; the entry says that it is due.
    """
    require(actor, May.WORK)
    reason = _needed(reason)
    if keep_until <= timezone.now().date():
        raise IncompleteError("The day until which it is kept lies ahead.")
    case = _covert(case_id)
    text = f"Unfounded: {reason} Kept until {keep_until:%d %b %Y}, to be erased then."
    closed = cases.close(case.pk, Disposition.FALSE_POSITIVE, text, actor=actor)
    _say(case, f"Unfounded. Nobody uses what is kept here; it is to be erased after {keep_until:%d %b %Y}.", actor)
    return closed


def _covert(case_id: int) -> Case:
    case = Case.objects.select_for_update().get(pk=case_id)
    if not case.is_covert:
        raise TransitionError(f"{case.number} is not covert.")
    return case


def _needed(reason: str) -> str:
    reason = clean_text(reason).strip()
    if len(reason) < SHORTEST:
        raise IncompleteError("This needs a reason of a sentence.")
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _say(case: Case, text: str, actor: User) -> None:
    timeline.record(case.pk, text, kind=TimelineEntry.Kind.PERSON, actor=actor)
