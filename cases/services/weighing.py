"""What a rule would have done with the alerts of the past days: asked before it is saved. Counts only what the asker
may see, so that no number tells of a restricted case."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from django.db.models import Exists, OuterRef, Q

from cases.choices import GroupBy, Stage
from cases.models import AlertKind, AlertObservable, Case
from cases.models.alerts import AlertQuerySet
from cases.services import grouping, stored
from cases.services.suppressing import Rule, Seen, observable_keys
from secops.models import User

SHOWN = 10  # cases that are linked
_EQUAL = {"kind": "kind__slug", "source": "source", "detector": "detector", "rule_id": "rule_id"}
_ESCALATED = (Stage.RESPONSE, Stage.CONTAINED)


@dataclass(slots=True)
class Weighed:
    """`is_cut`: only the newest alerts were looked at. `escalated`: alerts that went into response, by their cases."""

    total: int
    is_cut: bool
    fitting: int = 0
    kinds: int = 0
    escalated: int = 0
    cases: list[Case] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grouped:
    """`cases` that the rule would have made; `now` those that there are."""

    total: int
    is_cut: bool
    cases: int
    now: int
    largest: int


def suppression(conditions: dict[str, str], user: User) -> Weighed:
    """`conditions` as `suppressions.cleaned` gives them."""
    alerts, is_cut = stored.recent(user)
    found = Weighed(alerts.count(), is_cut)
    rest = {name: value for name, value in conditions.items() if name not in {*_EQUAL, "observable"}}
    by_case: dict[int | None, int] = defaultdict(int)
    kinds = set()
    rule = Rule(0, rest)
    for row, alert in stored.each(_narrowed(alerts, conditions)):
        if rest and not rule.fits(Seen(alert, None, row.source, row.detector)):
            continue
        kinds.add(row.kind_id)
        by_case[row.case_id] += 1
    found.fitting, found.kinds = sum(by_case.values()), len(kinds)
    escalated = Q(stage__in=_ESCALATED) | Q(stage=Stage.CLOSED, disposition="true_positive")
    visible = Case.objects.visible_to(user).filter(escalated, pk__in=[pk for pk in by_case if pk])
    cases = list(visible.order_by("-pk"))
    found.escalated, found.cases = sum(by_case[case.pk] for case in cases), cases[:SHOWN]
    return found


def _narrowed(alerts: AlertQuerySet, conditions: dict[str, str]) -> AlertQuerySet:
    """What the database can say; what is born restricted is never suppressed."""
    alerts = alerts.filter(Q(kind__isnull=True) | Q(kind__is_restricted=False))
    alerts = alerts.filter(**{_EQUAL[name]: value for name, value in conditions.items() if name in _EQUAL})
    if value := conditions.get("observable"):
        keys = observable_keys(value)
        named = AlertObservable.objects.filter(alert=OuterRef("pk"), observable__value_key__in=keys)
        alerts = alerts.filter(Exists(named))
    return alerts


def grouping_of(kind: AlertKind, by: list[str], hours: int, maximum: int | None, user: User) -> Grouped:
    """The same walk as intake makes, over the stored alerts of the kind: a case per fingerprint, while it is open for
    more. Cases that were closed or merged meanwhile it does not know."""
    rule = cast(AlertKind, SimpleNamespace(pk=kind.pk, group_by=by, group_hours=hours, group_maximum=maximum))
    window, most = grouping.window_of(rule), grouping.maximum_of(rule)
    alerts, is_cut = stored.recent(user)
    last: dict[str, tuple[datetime, int]] = {}
    now: set[Any] = set()
    total = cases = largest = 0
    of_kind = alerts.filter(kind=kind, case__isnull=False)
    for row, alert in stored.each(of_kind, sightings=GroupBy.DESTINATION in by):
        key = grouping.fingerprint(
            alert, rule, device_id=row.device_id, source=row.source, address=grouping.address_of(alert)
        )
        at, number = last.get(key, (row.received_at, most))
        if number >= most or at < row.received_at - window:
            cases, number = cases + 1, 0
        last[key] = row.received_at, number + 1
        total, largest = total + 1, max(largest, number + 1)
        now.add(row.case_id)
    return Grouped(total, is_cut, cases, len(now), largest)
