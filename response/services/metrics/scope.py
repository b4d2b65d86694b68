"""What is counted: whose eyes, how many days, from which severity on, and the same stretch of time before."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from cases.models import Case
from cases.models.cases import CaseQuerySet
from secops.models import User

PERIODS = (7, 30, 90)  # days
MOST = 20_000  # rows read for one figure; the page says when there were more


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whole days in UTC with today so far; the period before ends at the same time of day, so that both are as long."""

    reader: User
    days: int
    severity: int
    end: datetime

    @cached_property
    def start(self) -> datetime:
        first = self.end.astimezone(UTC).date() - timedelta(days=self.days - 1)
        return datetime.combine(first, time(), UTC)

    @cached_property
    def before(self) -> datetime:
        """Where the period before begins."""
        return self.start - timedelta(days=self.days)

    @cached_property
    def before_end(self) -> datetime:
        return self.end - timedelta(days=self.days)

    @cached_property
    def dates(self) -> list[date]:
        first = self.start.date()
        return [first + timedelta(days=number) for number in range(self.days)]

    def is_now(self, at: datetime | None) -> bool:
        return at is not None and self.start <= at < self.end

    def is_before(self, at: datetime | None) -> bool:
        return at is not None and self.before <= at < self.before_end

    def cases(self) -> CaseQuerySet:
        """Every figure goes through here: a case that the reader may not see adds to none."""
        return Case.objects.visible_to(self.reader).filter(severity__gte=self.severity)
