"""Alerts that are stored, read back as they came in: for letting them in, and for weighing a rule on the past days."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cases.intake.base import NormalAlert, NormalDevice, NormalFlow, NormalObservable, NormalPerson
from cases.models import Alert, AlertObservable
from cases.models.alerts import AlertQuerySet
from secops.models import User

DAYS = 7
MOST = 20_000  # alerts that are looked at: the newest

_PERSON = tuple(NormalPerson.__dataclass_fields__)
_DEVICE = tuple(name for name in NormalDevice.__dataclass_fields__ if name != "is_edr")


def recent(user: User) -> tuple[AlertQuerySet, bool]:
    """The alerts of the past days that the user may see, at most the newest of all; were there more?

    Bounded by the primary key, which every table walks quickly, however many alerts there are.
    """
    since = timezone.now() - timedelta(days=DAYS)
    floor = (Alert.objects.aggregate(last=Max("pk"))["last"] or 0) - MOST
    is_cut = Alert.objects.filter(pk__lte=floor, pk__gt=floor - 100, received_at__gte=since).exists()
    return Alert.objects.visible_to(user).filter(pk__gt=floor, received_at__gte=since), is_cut


def each(alerts: AlertQuerySet, *, sightings: bool = False) -> Iterator[tuple[Alert, NormalAlert]]:
    """Row and alert, in the order of receipt; with their observables if asked."""
    rows = alerts.order_by("received_at", "pk").defer("description", "problems", "url")
    seen = _sightings(alerts) if sightings else {}
    for row in rows.iterator(chunk_size=2_000):
        yield row, normal(row, seen.get(row.pk, ()))


def _sightings(alerts: AlertQuerySet) -> dict[int, list[NormalObservable]]:
    found: dict[int, list[NormalObservable]] = {}
    rows = AlertObservable.objects.filter(alert__in=alerts.order_by().values("pk")).order_by("pk")
    for alert, kind, value, role in rows.values_list("alert_id", "observable__kind", "observable__value", "role"):
        found.setdefault(alert, []).append(NormalObservable(kind=kind, value=value, role=role))
    return found


def normal(row: Alert, observables: Iterable[NormalObservable] = ()) -> NormalAlert:
    """What the record keeps of an alert. Whether an agent was an EDR's it does not keep: none is taken for one, and the
    alert's own device stays the one that it was found to be."""
    more: dict[str, Any] = row.details
    return NormalAlert(
        title=row.title,
        severity=row.severity,
        detected_at=row.detected_at,
        source_ref=row.source_ref,
        source=row.source,
        kind=more.get("kind", ""),
        rule_id=row.rule_id,
        rule_name=row.rule_name,
        confidence=more.get("confidence"),
        risk_score=more.get("risk_score"),
        last_seen_at=parse_datetime(str(more.get("last_seen_at", ""))),
        count=row.count,
        action=row.action,
        status=row.status,
        attack=tuple((one["technique"], one["tactic"]) for one in more.get("attack", ())),
        devices=tuple(
            NormalDevice(is_edr=False, **{name: one[name] for name in _DEVICE if name in one})
            for one in more.get("devices", ())
        ),
        people=tuple(
            NormalPerson(**{name: one[name] for name in _PERSON if name in one}) for one in more.get("people", ())
        ),
        flow=_flow(row),
        observables=tuple(observables),
        tlp=row.tlp,
        pap=row.pap,
        tags=tuple(more.get("tags", ())),
        grouping_key=more.get("grouping_key", ""),
    )


def _flow(row: Alert) -> NormalFlow | None:
    if not (row.src_ip or row.dst_ip):
        return None
    names = ("src_ip", "src_port", "dst_ip", "dst_port", "proto", "bytes_out", "bytes_in")
    return NormalFlow(direction=row.details.get("direction", ""), **{name: getattr(row, name) for name in names})
