"""Times as DuckDB keeps them: UTC without a zone."""

from datetime import UTC, datetime

EARLIEST = datetime(1, 1, 2)  # noqa: DTZ001
LATEST = datetime(9999, 12, 30)  # noqa: DTZ001


def naive(at: datetime) -> datetime:
    """An aware time for a query."""
    return at.astimezone(UTC).replace(tzinfo=None)


def aware(at: datetime) -> datetime:
    """A time from a query, for the rest of the house."""
    return at.replace(tzinfo=UTC)
