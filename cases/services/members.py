"""Who may see a restricted case by name: added and taken off by a person, and never whom the case is about."""

from django.db import transaction
from django.db.models import Q, QuerySet

from cases.errors import ConcernedError, IncompleteError
from cases.models import Case, CaseMember, CasePerson, TimelineEntry
from cases.services import timeline
from secops.access import May, RoleName, require, roles_that
from secops.models import User


@transaction.atomic
def add(case_id: int, user: User, *, actor: User) -> CaseMember:
    """Name one more person; safe to repeat."""
    require(actor, May.STEER)
    case = _locked(case_id)
    if not user.is_active:
        raise IncompleteError("This account is disabled.")
    if text := conflict(case, user):
        raise ConcernedError(text)
    member, is_new = CaseMember.objects.get_or_create(case=case, user=user)
    if is_new:
        _say(case, f"{user.display_name} may see the case by name.", actor)
    return member


@transaction.atomic
def remove(case_id: int, user: User, *, actor: User) -> None:
    """Take a name off. Who sees the case by a team still sees it."""
    require(actor, May.STEER)
    case = _locked(case_id)
    gone, _ = CaseMember.objects.filter(case=case, user=user).delete()
    if gone:
        _say(case, f"{user.display_name} may not see the case by name any more.", actor)


def namers(case: Case) -> list[User]:
    """Who may name somebody for this case: who steers, sees the case, and is not whom it is about."""
    roles = roles_that(May.STEER)
    people = User.objects.filter(is_active=True, groups__name__in=roles).distinct().order_by("first_name", "last_name")
    return [one for one in people if Case.objects.visible_to(one).filter(pk=case.pk).exists()]


def nameable(case: Case) -> QuerySet[User]:
    """Who may be named: whoever has a role, and is neither named nor in the case's team already."""
    people = User.objects.filter(is_active=True, groups__name__in=RoleName.values)
    there = Q(groups=case.group) if case.group else Q(pk=None)
    return (
        people.exclude(there)
        .exclude(pk__in=CaseMember.objects.filter(case=case).values("user"))
        .distinct()
        .order_by("first_name", "last_name", "username")
    )


def conflict(case: Case, user: User) -> str:
    """Why this person must stay outside of the case, in words; empty when nothing is known against them.

    A delegate of the subject is not known to any source of ours, so a person still has to say so.
    """
    if CasePerson.objects.filter(case=case).naming(user).exists():
        return f"{user.display_name} is whom the case is about, or their manager."
    return ""


def _locked(case_id: int) -> Case:
    return Case.objects.select_for_update().get(pk=case_id)


def _say(case: Case, text: str, actor: User) -> None:
    timeline.record(case.pk, text, kind=TimelineEntry.Kind.PERSON, actor=actor)
