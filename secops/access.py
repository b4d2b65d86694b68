"""Who may do what: the roles of CONTRACTS.md part 3, in one table."""

from typing import Any

from django.db import models

from secops.errors import NotAllowedError


class RoleName(models.TextChoices):
    """A role is a group of this name; roles add up."""

    ANALYST = "analyst", "Analyst"
    RESPONDER = "responder", "Responder"
    APPROVER = "approver", "Approver"
    ADMIN = "admin", "Admin"
    GUEST = "guest", "Guest"


class May(models.TextChoices):
    """What a role allows. Restriction of a case is a second question, asked after this one."""

    SEE = "see", "see cases"
    NOTE = "note", "write notes"
    WORK = "work", "assign, close, escalate, start a run and ask for an undo"
    CANCEL_OWN = "cancel_own", "cancel your own run"
    STEER = "steer", "pause, stop and cancel runs and settle unknown steps"
    APPROVE = "approve", "approve steps"
    ADMINISTER = "administer", "administer"


_ALLOWED: dict[str, frozenset[May]] = {
    RoleName.ANALYST: frozenset({May.SEE, May.NOTE, May.WORK, May.CANCEL_OWN}),
    RoleName.RESPONDER: frozenset({May.SEE, May.NOTE, May.WORK, May.CANCEL_OWN, May.STEER, May.APPROVE}),
    RoleName.APPROVER: frozenset({May.SEE, May.NOTE, May.APPROVE}),
    RoleName.ADMIN: frozenset({May.SEE, May.ADMINISTER}),
    RoleName.GUEST: frozenset(),  # sees and notes only cases that it is a member of, on a page of its own
}


def allowed(roles: frozenset[str]) -> frozenset[May]:
    """Everything that these roles allow together."""
    return frozenset().union(*(_ALLOWED.get(role, frozenset()) for role in roles))


def roles_that(may: May) -> list[str]:
    """Which roles allow it."""
    return [str(role) for role, allows in _ALLOWED.items() if may in allows]


def require(user: Any, may: May) -> None:
    """NotAllowedError unless one of the user's roles allows it."""
    if not user.may(may):
        raise NotAllowedError(f"Your roles do not allow you to {may.label}.")
