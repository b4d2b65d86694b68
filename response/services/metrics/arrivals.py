"""When alerts came: per day by severity, and by weekday and hour."""

from collections import Counter
from datetime import UTC, datetime

from django.db.models import Count
from django.db.models.functions import TruncHour

from cases.choices import Severity
from cases.models import Alert
from response.services.metrics.figures import Chart
from response.services.metrics.scope import Scope

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SEVERITIES = tuple(sorted(Severity, reverse=True))
Hour = tuple[datetime, int, int]  # the hour in UTC, severity, alerts


def read(scope: Scope) -> list[Hour]:
    """One statement: at most 24 hours by 5 severities for a day, however many alerts there are."""
    alerts = Alert.objects.visible_to(scope.reader).filter(
        severity__gte=scope.severity, received_at__gte=scope.start, received_at__lt=scope.end
    )
    hours = alerts.order_by().values_list(TruncHour("received_at", tzinfo=UTC), "severity").annotate(n=Count("pk"))
    return [(hour.astimezone(UTC), severity, number) for hour, severity, number in hours]


def per_day(scope: Scope, hours: list[Hour]) -> Chart:
    found: Counter[tuple[str, int]] = Counter()
    for hour, severity, number in hours:
        found[hour.date().isoformat(), severity] += number
    rows = [[day.isoformat(), *(found[day.isoformat(), one] for one in SEVERITIES)] for day in scope.dates]
    return Chart(
        key="alerts_per_day",
        title="Alerts per day",
        columns=["Day", *(str(one.label) for one in SEVERITIES)],
        rows=rows if hours else [],
        series={
            "kind": "stacked",
            "title": f"Alerts per day by severity, {sum(found.values())} in {scope.days} days",
            "days": scope.dates,
            "layers": [
                [row[column] for row in rows] for column in range(len(SEVERITIES), 0, -1)
            ],  # the least severe at the bottom
        }
        if hours
        else {},
    )


def by_hour(hours: list[Hour]) -> Chart:
    found: Counter[tuple[int, int]] = Counter()
    for hour, _, number in hours:
        found[hour.weekday(), hour.hour] += number
    rows = [[day, *(found[index, hour] for hour in range(24))] for index, day in enumerate(WEEKDAYS)]
    return Chart(
        key="alerts_by_hour",
        title="When alerts come",
        columns=["Weekday, UTC", *(f"{hour:02}" for hour in range(24))],
        rows=rows if hours else [],
        series={"kind": "heat", "title": "Alerts by weekday and hour in UTC", "rows": rows} if hours else {},
    )
