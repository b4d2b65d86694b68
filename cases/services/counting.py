"""How many alerts each source sent by the hour, counted by the clock from the rows that intake has written.

Alerts are counted in the order of their ids, each once. One minute old they are safe to count: an id is drawn in the
transaction that writes its alert, and none lasts so long.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import TruncHour

from cases.models import Alert, AlertsCounted, SourceHour
from cases.services import hearing

LAG = timedelta(minutes=1)
STEP = 20_000  # alerts in one go, a fraction of a second
KEPT = timedelta(days=35)


@transaction.atomic
def count(now: datetime) -> int:
    """Add what came since the last time to the hours; how many alerts were looked at. Safe beside another clock."""
    AlertsCounted.objects.get_or_create(pk=1)
    mark = AlertsCounted.objects.select_for_update().get(pk=1)
    waiting = Alert.objects.filter(pk__gt=mark.upto)
    beyond = list(waiting.order_by("pk").values_list("pk", flat=True)[STEP : STEP + 1])
    part = waiting.filter(pk__lt=beyond[0]) if beyond else waiting
    upto = part.filter(received_at__lte=now - LAG).aggregate(last=Max("pk"))["last"]
    if upto is None:
        return 0
    part = part.filter(pk__lte=upto)
    looked_at = part.count()
    for name, detector, hour, came, last in _by_hour(part):
        source = hearing.note((name, detector), last)
        if not SourceHour.objects.filter(source=source, hour=hour).update(alerts=F("alerts") + came):
            SourceHour.objects.create(source=source, hour=hour, alerts=came)
    AlertsCounted.objects.filter(pk=1).update(upto=upto)
    SourceHour.objects.filter(hour__lt=now - KEPT).delete()
    return looked_at


def _by_hour(part: QuerySet[Alert]) -> QuerySet[Alert, tuple[str, str, datetime, int, datetime]]:
    """Source, detector, hour, number, last time; without what only some may know of."""
    open_to_all = part.filter(Q(case=None) | Q(case__is_restricted=False)).exclude(kind__is_restricted=True)
    hours = open_to_all.values("source", "detector", hour=TruncHour("received_at"))
    found = hours.annotate(came=Count("pk"), last=Max("received_at")).order_by("source", "detector", "hour")
    return found.values_list("source", "detector", "hour", "came", "last")
