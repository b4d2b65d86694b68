"""A case without an alert: opened by a person, for a reason in its title."""

from django.db import transaction
from django.utils import timezone

from cases.choices import Severity, Stage
from cases.intake.gate import clean_text
from cases.models import Case, TimelineEntry
from cases.services import cases, timeline
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
