"""How the sources of enrichment answered what the reader's cases asked."""

from collections import defaultdict

from django.db.models import Count, Exists, OuterRef, Q

from enrichment.choices import LookupState
from enrichment.models import Lookup
from enrichment.services.planning import OWN
from response.services.metrics.figures import Chart, percent, rank, share
from response.services.metrics.scope import MOST, Scope
from secops.wording import duration

HEARD = (LookupState.ANSWERED, LookupState.NO_DATA)
ASKED = (*HEARD, LookupState.FAILED)


def read(scope: Scope) -> tuple[Chart, bool]:
    """Two statements: exact counts, and the times of the latest answers; was it cut?"""
    mine = scope.cases().filter(lookups=OuterRef("pk"))  # from the lookup to its few cases, not the other way round
    asked = Lookup.objects.filter(
        Exists(mine),
        state__in=ASKED,
        ended_at__gte=scope.start,
        ended_at__lt=scope.end,
    ).exclude(connector_name=OWN)  # what reasons over other findings asks no source
    counted = (
        asked.order_by()
        .values_list("connector_name")
        .annotate(calls=Count("pk"), failed=Count("pk", filter=Q(state=LookupState.FAILED)))
        .order_by("-calls", "connector_name")
    )
    heard = asked.filter(state__in=HEARD).order_by("-ended_at")
    times = list(heard.values_list("connector_name", "created_at", "ended_at")[: MOST + 1])
    seconds: dict[str, list[float]] = defaultdict(list)
    for name, created, ended in times[:MOST]:
        if ended is not None:
            seconds[name].append(max((ended - created).total_seconds(), 0.0))
    rows = [
        [name, calls, _said(rank(seconds[name], 0.95)), percent(share(failed, calls))]
        for name, calls, failed in counted
    ]
    chart = Chart(
        key="sources",
        title="Enrichment sources",
        columns=["Source", "Calls", "p95", "Failed"],
        rows=rows,
    )
    return chart, len(times) > MOST


def _said(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)
