"""A breaker per integration: after five failures in a row its steps wait, then one of them tries for all."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from response.choices import StepState
from response.models import Breaker, StepRun
from response.services import clock
from secops.access import May, require
from secops.models import AuditEntry, User

FAILURES = 5  # in a row, until it opens
FIRST_SECONDS = 30
MOST_SECONDS = 600


def wait(connector: str) -> tuple[str, float] | None:
    """Why a step through the integration waits, and for how many seconds; None lets it go.

    Once the time is over one step goes and the others wait for what it meets: whoever moves `trying_until` first.
    """
    at = clock.now()
    row = Breaker.objects.filter(connector=connector, failures__gte=FAILURES).first()
    if row is None:
        return None
    if (held := _held_until(row, at)) is not None:
        return _why(row), max(1.0, (held - at).total_seconds())
    seen = {"failures": row.failures, "open_until": row.open_until, "trying_until": row.trying_until}
    is_first = Breaker.objects.filter(pk=row.pk, **seen).update(
        trying_until=at + timedelta(seconds=settings.LEASE_SECONDS)
    )
    return None if is_first else (_why(row), 1.0)


def failed(connector: str) -> None:
    """A call came to nothing; also opens it again, for twice as long, after a try that failed too."""
    at = clock.now()
    if not connector:
        return
    row, _ = Breaker.objects.get_or_create(connector=connector)
    if row.open_until is not None and row.open_until > at:
        return  # sent before it opened: that failure is counted already
    failures = row.failures + 1
    until = at + timedelta(seconds=_seconds(failures)) if failures >= FAILURES else None
    Breaker.objects.filter(pk=row.pk, failures=row.failures, open_until=row.open_until).update(
        failures=failures, open_until=until, trying_until=None
    )


def answered(connector: str) -> None:
    """The product answers, be it with a no: closed."""
    is_marked = Q(failures__gt=0) | Q(open_until__isnull=False)
    Breaker.objects.filter(is_marked, connector=connector).update(failures=0, open_until=None, trying_until=None)


def close(pk: int, *, actor: User) -> Breaker:
    """A person knows that the product is well again: its steps go now."""
    require(actor, May.ADMINISTER)
    row = Breaker.objects.get(pk=pk)
    answered(row.connector)
    StepRun.objects.filter(state=StepState.READY, reason=_why(row)).update(not_before=None)
    AuditEntry.append(f"Closed the breaker of {row.connector} after {row.failures} failures", actor=actor)
    row.refresh_from_db()
    return row


def is_open(row: Breaker) -> bool:
    """Do its steps wait now?"""
    return row.failures >= FAILURES and _held_until(row, clock.now()) is not None


def _held_until(row: Breaker, at: datetime) -> datetime | None:
    ends = [end for end in (row.open_until, row.trying_until) if end is not None and end > at]
    return max(ends, default=None)


def _why(row: Breaker) -> str:
    return f"{row.connector} failed {row.failures} times in a row, so steps through it wait"


def _seconds(failures: int) -> float:
    return float(min(MOST_SECONDS, FIRST_SECONDS * 2 ** min(failures - FAILURES, 10)))
