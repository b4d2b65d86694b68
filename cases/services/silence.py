"""A source that says nothing for longer than is expected of it opens a case, one for each silence."""

from datetime import datetime, timedelta
from itertools import pairwise

from django.db import transaction
from django.db.models import Q

from cases.choices import Severity
from cases.intake.gate import clean_text
from cases.models import Case, Source, SourceHour, TimelineEntry
from cases.services import timeline
from secops.wording import duration, stamp

LEARNT_FROM = timedelta(days=14)  # before its last message
LEAST_SPAN = timedelta(days=7)  # of them, between the first and the last hour with alerts
LEAST_HOURS = 24  # with alerts: fewer show no rhythm
TIMES = 2  # the longest pause of those days
SHORTEST, LONGEST = 4, 168  # hours
HOUR = timedelta(hours=1)


def check(now: datetime) -> int:
    """Open and tell what is due; how many cases were opened or told. Safe beside another clock."""
    watched = Source.objects.filter(~Q(watch=Source.Watch.OFF) | Q(silent_case__isnull=False)).order_by("pk")
    moved = 0
    for source in watched.select_related("silent_case"):
        if source.silent_case is None:
            moved += is_silent(source, now) and _open(source.pk, now)
        elif source.heard_at > source.silent_case.opened_at:
            moved += _tell(source.pk)
    return moved


def is_silent(source: Source, now: datetime) -> bool:
    """Is it silent for longer than is expected? Never where nothing is."""
    hours = expected_hours(source)
    return hours is not None and now - source.heard_at >= hours * HOUR


def expected_hours(source: Source) -> int | None:
    """After how many hours without a message it counts as silent; None: it is not watched, or too little is known."""
    if source.watch == Source.Watch.HOURS:
        return source.hours
    return learnt_hours(source) if source.watch == Source.Watch.LEARNT else None


def learnt_hours(source: Source) -> int | None:
    """Twice the longest pause between two hours with alerts in the fourteen days before its last message, from four
    hours to a week; None until they show a week with alerts in twenty-four hours at least."""
    since = source.heard_at - LEARNT_FROM
    hours = list(SourceHour.objects.filter(source=source, hour__gte=since).order_by("hour").values_list("hour"))
    times = [hour for (hour,) in hours]
    if len(times) < LEAST_HOURS or times[-1] - times[0] < LEAST_SPAN:
        return None
    pause = max(later - earlier for earlier, later in pairwise(times))
    return max(SHORTEST, min(LONGEST, TIMES * (pause // HOUR)))


@transaction.atomic
def _open(source_id: int, now: datetime) -> bool:
    source = Source.objects.select_for_update().get(pk=source_id)
    hours = expected_hours(source)
    if source.silent_case_id or hours is None or not is_silent(source, now):
        return False  # another clock was faster, or it spoke meanwhile
    case = Case.objects.create(
        title=clean_text(f"No message from {source} for {duration((now - source.heard_at).total_seconds())}")[:300],
        severity=Severity.MEDIUM,
        opened_at=now,
        first_alert_at=now,
        last_alert_at=now,
        updated_at=now,
    )
    origin = "learnt from its past days" if source.watch == Source.Watch.LEARNT else "set by an admin"
    within = f"{hours} hour{'' if hours == 1 else 's'}"
    text = (
        f"The last message of {source} came at {stamp(source.heard_at.isoformat())}. One is expected within {within} "
        f"({origin}). While it is silent, what it watches goes unseen."
    )
    timeline.record(case.pk, text, kind=TimelineEntry.Kind.ALERT)
    Source.objects.filter(pk=source.pk).update(silent_case=case)
    return True


@transaction.atomic
def _tell(source_id: int) -> bool:
    """It speaks again: the case says so, and whoever has it decides; the next silence is another case."""
    source = Source.objects.select_for_update().get(pk=source_id)
    case = source.silent_case
    if case is None or source.heard_at <= case.opened_at:
        return False
    Source.objects.filter(pk=source.pk).update(silent_case=None)
    if case.is_open:
        text = f"{source} speaks again: its latest message came at {stamp(source.heard_at.isoformat())}."
        timeline.record(case.pk, text, kind=TimelineEntry.Kind.ALERT)
    return True
