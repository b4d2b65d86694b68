"""The sources as a page shows them: last heard, how much they send against their own past days, what is expected."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Count, Min, Q, Sum

from cases.models import RejectedPayload, Source, SourceHour
from cases.services import silence
from secops.access import May, require
from secops.models import AuditEntry, User
from secops.wording import duration

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAST_DAYS = 7  # before the last 24 hours
MUCH = 2  # times the usual, or its half


class State(models.TextChoices):
    """How a source stands; ordered by how soon somebody should look."""

    SILENT = "silent", "Silent"
    QUIET = "quiet", "Quiet"
    LIVE = "live", "Live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One source. `usual`: alerts a day in the days before the last 24 hours; None: it is not known for so long."""

    source: Source
    state: State
    why: str
    hour: int
    day: int
    usual: float | None
    rejected: int
    expected: int | None  # hours

    @property
    def rate(self) -> str:
        """The last 24 hours against a usual day, in words."""
        if self.usual is None:
            return "New: no past days yet"
        if not self.usual:
            return "As usual: none" if not self.day else "More than usual: mostly none"
        times = self.day / self.usual
        share = f"{times:.1f} × a usual day of {self.usual:,.0f}" if self.usual >= 1 else "usually under 1 a day"
        if times >= MUCH:
            return f"More: {share}"
        return f"Less: {share}" if times <= 1 / MUCH else f"As usual: {share}"


def health(now: datetime) -> list[Health]:
    """Every source, those first that somebody should look at."""
    counts, rejected = _counts(now), _rejected()
    rows = []
    for source in Source.objects.select_related("silent_case"):
        hour, day, past, since = counts.get(source.pk, (0, 0, 0, None))
        expected = silence.expected_hours(source)
        state, why = _state(source, expected, now)
        rows.append(
            Health(
                source=source,
                state=state,
                why=why,
                hour=hour,
                day=day,
                usual=_usual(past, min(since or source.first_at, source.first_at), now),
                rejected=rejected.get((source.name, source.detector), 0),
                expected=expected,
            )
        )
    order = list(State)
    return sorted(rows, key=lambda row: (order.index(row.state), row.source.name, row.source.detector))


def expect(source: Source, *, watch: str, hours: int | None, actor: User) -> None:
    """Say when this source counts as silent."""
    require(actor, May.ADMINISTER)
    hours = hours if watch == Source.Watch.HOURS else None
    Source.objects.filter(pk=source.pk).update(watch=watch, hours=hours)
    label = f"after {hours} h" if hours else Source.Watch(watch).label.lower()
    AuditEntry.append(f"Silence of source {source}: {label}", actor=actor)


def _state(source: Source, expected: int | None, now: datetime) -> tuple[State, str]:
    """Quiet is half of what is expected, or a day where nothing is."""
    age = now - source.heard_at
    said = f"nothing for {duration(age.total_seconds())}"
    if expected and age >= expected * HOUR:
        return State.SILENT, f"{said}, expected within {expected} h"
    if age >= (expected * HOUR / 2 if expected else DAY):
        return State.QUIET, said
    return State.LIVE, ""


def _counts(now: datetime) -> dict[int, tuple[int, int, int, datetime | None]]:
    """By source: alerts of this hour, of the last 24 with it, of the past days before, and the first hour known."""
    this = now.replace(minute=0, second=0, microsecond=0)
    day = this - DAY + HOUR
    found = SourceHour.objects.filter(hour__gte=day - PAST_DAYS * DAY).values("source")
    rows = found.annotate(
        of_hour=Sum("alerts", filter=Q(hour=this), default=0),
        of_day=Sum("alerts", filter=Q(hour__gte=day), default=0),
        of_past=Sum("alerts", filter=Q(hour__lt=day), default=0),
        since=Min("hour"),
    )
    return {row["source"]: (row["of_hour"], row["of_day"], row["of_past"], row["since"]) for row in rows.order_by()}


def _usual(past: int, since: datetime, now: datetime) -> float | None:
    days = min(PAST_DAYS, (now - DAY - since) / DAY)
    return past / days if days >= 1 else None


def _rejected() -> dict[tuple[str, str], int]:
    """Without those of which something came already: it may be of a case that not all may know of."""
    waiting = RejectedPayload.objects.waiting().filter(alerts=None)
    rows = waiting.order_by().values_list("source", "detector").annotate(number=Count("pk"))
    return {(source, detector): number for source, detector, number in rows}
