"""Cases that a person opens: without an alert, for a reason in the title, or with what they were told as its alert."""

import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases.choices import Severity, Stage
from cases.errors import IncompleteError
from cases.intake.gate import clean_text
from cases.intake.messages import Message
from cases.models import Case, CaseMember, TimelineEntry
from cases.services import alerts, cases, timeline
from secops.access import May, require
from secops.models import User


@transaction.atomic
def by_hand(title: str, *, actor: User, severity: Severity = Severity.LOW) -> Case:
    """Assigned to who opens it, and escalated: opening it is the validation."""
    require(actor, May.WORK)
    at = timezone.now()
    case = Case.objects.create(
        title=clean_text(title).strip()[:300],
        severity=severity,
        stage=Stage.TRIAGE,
        assignee=actor,
        is_unread=False,
        opened_at=at,
        first_alert_at=at,
        last_alert_at=at,
        acknowledged_at=at,
        updated_at=at,
    )
    timeline.record(case.pk, f"Opened by {actor.display_name}.", kind=TimelineEntry.Kind.PERSON, actor=actor)
    return cases.escalate(case.pk, actor=actor)


@transaction.atomic
def reported(payload: dict[str, Any], *, source: str, actor: User, is_restricted: bool = False) -> Case:
    """The case of what a person was told, theirs from the start; `payload` is an alert of our own schema.

    Restricted in the transaction that opens it, so that nobody ever saw it otherwise, with who opened it as a member:
    also where its kind is born restricted. The same payload again finds the same case. IncompleteError names the
    fields that do not fit.
    """
    require(actor, May.WORK)
    message = Message(body=json.dumps(payload).encode(), payload=payload)
    (result,) = alerts.receive([message], detector="nightdesk", source=source, is_told=True).results
    if result.case_pk is None:
        raise IncompleteError(" ".join(f"{one.field}: {one.message}." for one in result.errors))
    case = Case.objects.select_for_update().get(pk=result.case_pk)
    if result.status != "created":
        return case
    case.assignee, case.stage, case.acknowledged_at = actor, Stage.TRIAGE, timezone.now()
    case.is_unread, case.is_restricted = False, case.is_restricted or is_restricted
    case.save(update_fields=["assignee", "stage", "acknowledged_at", "is_unread", "is_restricted"])
    said = f"Opened by {actor.display_name}."
    if case.is_restricted:
        CaseMember.objects.get_or_create(case=case, user=actor)
        said = f"Opened by {actor.display_name}, restricted from the start."
    timeline.record(case.pk, said, kind=TimelineEntry.Kind.PERSON, actor=actor)
    return case
