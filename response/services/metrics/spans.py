"""How long it took to acknowledge, to contain (verified) and to resolve; the limit met; the false positives."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max, Q

from cases.choices import Disposition
from response.actions.base import actions
from response.choices import ENDED_STEP, Phase, Risk, StepState
from response.models import StepRun
from response.services.metrics.figures import Chart, Span, Tile, by_day, faster, middle, parts, percent, points, rank
from response.services.metrics.figures import share as share_of
from response.services.metrics.scope import MOST, Scope
from secops.wording import duration

OPENED_BY_HAND = 1.0  # seconds: what a person opened is theirs from the start, and nobody waited for them
TITLES = {"acknowledge": "Time to acknowledge", "contain": "Time to contain, verified", "resolve": "Time to resolve"}


class Decided(NamedTuple):
    """A case that was acknowledged or closed in one of the periods, or is over its limit."""

    kind: str | None
    opened_at: datetime
    acknowledged_at: datetime | None
    due_at: datetime | None
    closed_at: datetime | None
    disposition: str
    assignee: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The cases, and the spans of both periods by what they measure."""

    scope: Scope
    cases: list[Decided]
    spans: dict[str, list[Span]]
    is_cut: bool

    def now(self, what: str) -> list[Span]:
        return [one for one in self.spans[what] if self.scope.is_now(one[0])]

    def seconds(self, what: str, *, is_before: bool = False) -> list[float]:
        test = self.scope.is_before if is_before else self.scope.is_now
        return [seconds for at, seconds in self.spans[what] if test(at)]

    def closed(self, test: Callable[[datetime | None], bool]) -> list[Decided]:
        """Duplicates are left out: another case tells of the same."""
        return [one for one in self.cases if test(one.closed_at) and one.disposition != Disposition.DUPLICATE]


def containing() -> list[str]:
    """The actions that close a door."""
    return [one.slug for one in actions if one.phase == Phase.CONTAINMENT and one.risk == Risk.DISRUPTIVE]


def read(scope: Scope) -> Times:
    """Two statements, each of at most MOST rows, the latest first."""
    since, until = scope.before, scope.end
    found = scope.cases().filter(
        Q(acknowledged_at__gte=since, acknowledged_at__lt=until)
        | Q(closed_at__gte=since, closed_at__lt=until)
        | Q(closed_at=None, sla_due_at__gte=since, sla_due_at__lt=until)
    )
    fields = ("kind__name", "opened_at", "acknowledged_at", "sla_due_at", "closed_at", "disposition", "assignee")
    rows = [Decided(*row) for row in found.order_by("-updated_at").values_list(*fields)[: MOST + 1]]
    contained, is_contained_cut = _contained(scope)
    spans = {
        "acknowledge": [
            (one.acknowledged_at, seconds)
            for one in rows[:MOST]
            if one.acknowledged_at and (seconds := _between(one.opened_at, one.acknowledged_at)) >= OPENED_BY_HAND
        ],
        "contain": contained,
        "resolve": [
            (one.closed_at, _between(one.opened_at, one.closed_at))
            for one in rows[:MOST]
            if one.closed_at and one.disposition != Disposition.DUPLICATE
        ],
    }
    is_cut = len(rows) > MOST or is_contained_cut
    return Times(scope=scope, cases=rows[:MOST], spans=spans, is_cut=is_cut)


def _contained(scope: Scope) -> tuple[list[Span], bool]:
    """Cases in which each target's last containment was confirmed, and none is under way; and whether that was cut."""
    steps = StepRun.objects.filter(run__case__in=scope.cases(), action__in=containing(), undoes=None)
    steps = steps.exclude(state=StepState.SKIPPED)
    lately = steps.filter(state=StepState.SUCCEEDED, state_at__gte=scope.before).values("run__case")
    ended = Q(state__in=ENDED_STEP) & ~Q(state=StepState.SUCCEEDED)
    rows = list(
        steps.filter(run__case__in=lately)
        .order_by()
        .values_list("run__case", "run__case__opened_at", "target")
        .annotate(
            verified=Max("state_at", filter=Q(state=StepState.SUCCEEDED)),
            other=Max("state_at", filter=ended),
            open=Count("pk", filter=~Q(state__in=ENDED_STEP)),
        )
        .order_by("-run__case")[: MOST + 1]
    )
    cases: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for case, opened, _, verified, other, is_open in rows[:MOST]:
        holds = verified is not None and not is_open and (other is None or other < verified)
        cases[case].append((opened, verified if holds else None))
    found = [
        (max(at for _, at in targets if at), targets[0][0])
        for targets in cases.values()
        if all(at is not None for _, at in targets)
    ]
    spans = [(at, _between(opened, at)) for at, opened in found if scope.before <= at < scope.end]
    return spans, len(rows) > MOST


def time_tile(times: Times, what: str) -> Tile:
    now = times.seconds(what)
    typical = middle(now)
    change, tone = faster(typical, middle(times.seconds(what, is_before=True)))
    slow = rank(now, 0.9)
    return Tile(
        label=TITLES[what],
        value=parts(typical),
        change=change,
        tone=tone,
        note=f"p90 {duration(slow)}" if slow is not None else "",
        series={"kind": "line", "values": [middle(day) for day in by_day(times.now(what), times.scope.dates)]},
    )


def limit_tile(times: Times) -> Tile:
    """Closed within the limit; what is over it and still open was missed too."""
    now, before = _judged(times, times.scope.is_now), _judged(times, times.scope.is_before)
    met = share_of(sum(ok for _, ok in now), len(now))
    change, tone = points(met, share_of(sum(ok for _, ok in before), len(before)), more_is_good=True)
    missed = sum(not ok for _, ok in now)
    return _share_tile(times, "SLA met", now, met, (change, tone), f"{missed} of {len(now)} missed" if now else "")


def false_tile(times: Times) -> Tile:
    now, before = (
        [(one.closed_at, one.disposition == Disposition.FALSE_POSITIVE) for one in times.closed(test) if one.closed_at]
        for test in (times.scope.is_now, times.scope.is_before)
    )
    false = share_of(sum(ok for _, ok in now), len(now))
    was = share_of(sum(ok for _, ok in before), len(before))
    note = f"{sum(ok for _, ok in now)} of {len(now)} closed" if now else ""
    return _share_tile(times, "False positives", now, false, points(false, was, more_is_good=False), note)


def _judged(times: Times, test: Callable[[datetime | None], bool]) -> list[tuple[datetime, bool]]:
    closed = [
        (one.closed_at, one.closed_at <= one.due_at) for one in times.closed(test) if one.closed_at and one.due_at
    ]
    late = [(one.due_at, False) for one in times.cases if one.closed_at is None and one.due_at and test(one.due_at)]
    return closed + late


def _share_tile(
    times: Times,
    label: str,
    now: Sequence[tuple[datetime, bool]],
    value: float | None,
    change: tuple[str, str],
    note: str,
) -> Tile:
    days = by_day([(at, float(ok)) for at, ok in now], times.scope.dates)
    number, _, unit = percent(value).partition(" ")
    series = {"kind": "line", "values": [sum(day) / len(day) if day else None for day in days]}
    return Tile(label=label, value=[(number, unit)], change=change[0], tone=change[1], note=note, series=series)


def chart(times: Times, what: str) -> Chart:
    """Per day: how many, the median and p90, in seconds."""
    rows = [
        [day.isoformat(), len(spans), middle(spans), rank(spans, 0.9)]
        for day, spans in zip(times.scope.dates, by_day(times.now(what), times.scope.dates), strict=True)
    ]
    return Chart(
        key=f"time_to_{what}",
        title=TITLES[what],
        columns=["Day", "Cases", "Median, seconds", "p90, seconds"],
        rows=rows,
        series={
            "kind": "trend",
            "title": f"{TITLES[what]} per day, median and p90",
            "days": times.scope.dates,
            "low": [row[2] for row in rows],
            "high": [row[3] for row in rows],
            "whole": (middle(times.seconds(what)), rank(times.seconds(what), 0.9)),
        },
    )


def _between(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)
