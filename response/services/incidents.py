"""Major-incident mode: proposed by one person, signed by another, on for some hours, and told on every page."""

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from response.choices import StepState
from response.errors import ApprovalError
from response.models import KillSwitch, MajorIncident, StepRun
from response.services import clock
from response.services.approvals import checked_reason
from secops import banners, stepup
from secops.access import May, require
from secops.models import AuditEntry, User

TERMS = ("reason", "cap", "hours")
OVER_CAP = "is_over_cap"  # in the data of a step that waits because of the cap


def propose(reason: str, *, cap: int, hours: int, actor: User) -> MajorIncident:
    """The first of two signatures; it changes nothing yet. ApprovalError when one is on or asked for already."""
    require(actor, May.APPROVE)
    at = clock.now()
    found = MajorIncident(reason=checked_reason(reason)[:300], cap=cap, hours=hours, proposed_by=actor, proposed_at=at)
    try:
        found.clean_fields(exclude={field.name for field in found._meta.fields} - set(TERMS))
    except ValidationError as error:
        said = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        raise ApprovalError(f"Not proposed. {said}") from error
    with transaction.atomic():
        _lock()
        if current() is not None or waiting() is not None:
            raise ApprovalError("Major-incident mode is on, or waits for its second signature, already.")
        proved = stepup.require(actor)
        found.save(force_insert=True)
        AuditEntry.append(f"Proposed major-incident mode, {terms(found)}{proved.words}: {found.reason}", actor=actor)
    return found


def sign(pk: int, *, actor: User) -> MajorIncident:
    """The second signature, by another person: it is on now."""
    require(actor, May.APPROVE)
    with transaction.atomic():
        found = MajorIncident.objects.select_for_update(of=("self",)).select_related("proposed_by").get(pk=pk)
        at = clock.now()
        if found.proposed_by_id == actor.pk:
            raise ApprovalError("You proposed it; another person signs too.")
        if found.signed_at is not None or found.ended_at is not None:
            raise ApprovalError("It does not wait for a signature any more.")
        if not _is_fresh(found) or not _may_sign(found.proposed_by):
            raise ApprovalError("The proposal does not count any more. Propose it again.")
        proved = stepup.require(actor)
        found.signed_by, found.signed_at, found.until = actor, at, at + timedelta(hours=found.hours)
        found.save(update_fields=["signed_by", "signed_at", "until"])
        _look_again()
        AuditEntry.append(f"Signed major-incident mode, {terms(found)}{proved.words}: {found.reason}", actor=actor)
    banners.forget()
    return found


def end(pk: int, *, actor: User) -> MajorIncident:
    """Off at once, also a proposal; one of those who may sign is enough."""
    require(actor, May.APPROVE)
    with transaction.atomic():
        found = MajorIncident.objects.select_for_update().get(pk=pk)
        if found.ended_at is None:
            found.ended_by, found.ended_at = actor, clock.now()
            found.save(update_fields=["ended_by", "ended_at"])
            AuditEntry.append(f"Ended major-incident mode: {found.reason}", actor=actor)
    banners.forget()
    return found


def current() -> MajorIncident | None:
    """What is on now: signed by two persons who still may, not ended, not over."""
    on = MajorIncident.objects.filter(ended_at__isnull=True, until__gt=Now())  # one question: it is on every page
    found = on.select_related("proposed_by", "signed_by").first()
    if found is None or not (_may_sign(found.proposed_by) and _may_sign(found.signed_by)):
        return None
    return found


def waiting() -> MajorIncident | None:
    """What waits for its second signature."""
    found = MajorIncident.objects.filter(signed_at__isnull=True, ended_at__isnull=True).first()
    return found if found is not None and _is_fresh(found) else None


def cap() -> int:
    """How many isolations an hour may be sent now."""
    found = current()
    return max(settings.ISOLATIONS_PER_HOUR, found.cap) if found else settings.ISOLATIONS_PER_HOUR


def list_cap(declared: int) -> int:
    """How many items of a list need no person who reads it first: in major-incident mode as many as an hour may see."""
    found = current()
    return max(declared, found.cap) if found else declared


def terms(one: MajorIncident) -> str:
    return f"{one.cap} isolations per hour for {one.hours} hours"


def told() -> list[str]:
    """The line on every page while it is on."""
    found = current()
    if found is None or found.until is None or found.signed_by is None:
        return []
    names = f"{found.proposed_by.display_name} and {found.signed_by.display_name}"
    until = f"{found.until.day} {found.until:%b %H:%M} UTC"
    return [f"Major incident until {until}, signed by {names}: up to {found.cap} isolations per hour. {found.reason}"]


def _look_again() -> None:
    """What waited for the cap is asked now."""
    StepRun.objects.filter(state=StepState.READY, data__has_key=OVER_CAP).update(not_before=None)


def _lock() -> None:
    """Two proposals at once are one; the row is the one that the cap is counted under."""
    KillSwitch.objects.get_or_create(pk=1)
    KillSwitch.objects.select_for_update().get(pk=1)


def _is_fresh(one: MajorIncident) -> bool:
    return one.proposed_at > clock.now() - timedelta(seconds=settings.APPROVAL_SECONDS)


def _may_sign(person: User | None) -> bool:
    return person is not None and person.is_active and person.may(May.APPROVE)
