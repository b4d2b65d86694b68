"""The access log of restricted cases: sittings, not clicks, so that a page asking every two seconds fills no table."""

from datetime import timedelta

from django.utils import timezone

from cases.models import Case, CaseReading
from secops.models import User

SITTING = timedelta(minutes=10)  # without a look, and the next one begins a new sitting
EXACT = timedelta(minutes=1)  # the end of a sitting is written no more often than this


def saw(case: Case, user: User) -> None:
    """Write down that this person looks at the case now; nothing for a case that everybody may see."""
    if not case.is_restricted:
        return
    now = timezone.now()
    latest = CaseReading.objects.filter(case=case, user=user, what="").first()
    if latest is None or now - latest.last_at > SITTING:
        CaseReading.objects.create(case=case, user=user, first_at=now, last_at=now)
    elif now - latest.last_at > EXACT:
        CaseReading.objects.filter(pk=latest.pk).update(last_at=now)


def took(case: Case, user: User, what: str) -> None:
    """Write down that this person took something away, such as a report; each time, whatever the sitting."""
    now = timezone.now()
    CaseReading.objects.create(case=case, user=user, first_at=now, last_at=now, what=what[:300])
