"""What to mend: rules whose alerts end as false positives, and kinds of case that take very different times."""

from collections import defaultdict

from django.db.models import Count, Q

from cases.choices import Disposition
from response.services.metrics.figures import Chart, middle, percent, quartiles
from response.services.metrics.scope import Scope
from response.services.metrics.spans import Times
from secops.wording import duration

SHOWN_RULES = 10
FEWEST_ANALYSTS, FEWEST_CASES = 3, 5  # below, a spread would speak of persons
TOO_FEW = "too few to say"


def rules(scope: Scope) -> Chart:
    """One statement: the rules that stand in the most false positives, each case counted once for a rule."""
    is_false = Q(disposition=Disposition.FALSE_POSITIVE)
    closed = scope.cases().filter(closed_at__gte=scope.start, closed_at__lt=scope.end, alerts__isnull=False)
    found = (
        closed.exclude(disposition=Disposition.DUPLICATE)
        .order_by()
        .values_list("alerts__detector", "alerts__rule_id", "alerts__rule_name")
        .annotate(closed=Count("pk", distinct=True), false=Count("pk", filter=is_false, distinct=True))
        .filter(false__gt=0)
        .order_by("-false", "closed", "alerts__rule_id", "alerts__detector")[:SHOWN_RULES]
    )
    rows = [
        [name or pk or "No rule named", detector, closed, false, percent(false / closed)]
        for detector, pk, name, closed, false in found
    ]
    return Chart(
        key="false_positives_by_rule",
        title="False positives by rule",
        columns=["Rule", "Detector", "Cases closed", "False", "Share"],
        rows=rows,
    )


def spread(times: Times) -> Chart:
    """The time to resolve per kind. Persons are counted, so that nobody is shown alone, and never told apart."""
    seconds: dict[str, list[float]] = defaultdict(list)
    people: dict[str, set[int]] = defaultdict(set)
    for one in times.closed(times.scope.is_now):
        if one.closed_at is None:
            continue
        kind = one.kind or "No kind"
        seconds[kind].append(max((one.closed_at - one.opened_at).total_seconds(), 0.0))
        if one.assignee is not None:
            people[kind].add(one.assignee)
    rows = []
    for kind in sorted(seconds, key=lambda kind: (-len(seconds[kind]), kind)):
        known = seconds[kind]
        if len(people[kind]) < FEWEST_ANALYSTS or len(known) < FEWEST_CASES:
            rows.append([kind, len(known), TOO_FEW, TOO_FEW])
            continue
        low, high = quartiles(known)
        said = f"{duration(low)} to {duration(high)}, {duration(high - low)} wide"
        rows.append([kind, len(known), duration(middle(known)), said])
    return Chart(
        key="spread_by_kind",
        title="Spread on the same kind",
        columns=["Kind", "Cases closed", "Median to resolve", "Middle half"],
        rows=rows,
    )
