"""All figures of one page, read in a fixed number of statements whatever the volume."""

from dataclasses import dataclass
from datetime import timedelta

from response.services.metrics import arrivals, automation, sources, spans, tuning
from response.services.metrics.automation import Work
from response.services.metrics.figures import Chart, Tile
from response.services.metrics.scope import Scope
from response.services.metrics.spans import Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`closed`: cases closed in the period without duplicates; `still_open`: opened in it and not closed yet."""

    scope: Scope
    tiles: list[Tile]
    charts: dict[str, Chart]
    closed: int
    still_open: int
    decisions: tuple[int, float | None, float | None]
    work: Work
    is_cut: bool


def made(scope: Scope) -> Figures:
    times, work, hours = spans.read(scope), automation.read(scope), arrivals.read(scope)
    asked, is_cut = sources.read(scope)
    still_open = scope.cases().open().filter(opened_at__gte=scope.start, opened_at__lt=scope.end).count()
    charts = [
        *(spans.chart(times, what) for what in spans.TITLES),
        arrivals.per_day(scope, hours),
        automation.chart(work),
        arrivals.by_hour(hours),
        asked,
        tuning.rules(scope),
        tuning.spread(times),
    ]
    return Figures(
        scope=scope,
        tiles=_tiles(times, work),
        charts={chart.key: chart for chart in charts},
        closed=len(times.closed(scope.is_now)),
        still_open=still_open,
        decisions=automation.approval_wait(work),
        work=work,
        is_cut=times.is_cut or work.is_cut or is_cut,
    )


def _tiles(times: Times, work: Work) -> list[Tile]:
    return [
        spans.time_tile(times, "acknowledge"),
        spans.time_tile(times, "resolve"),
        automation.tile(work),
        spans.limit_tile(times),
        spans.false_tile(times),
    ]


def words_of(scope: Scope) -> str:
    """25 Oct to 23 Nov 2026."""
    first, last = scope.start, scope.start + timedelta(days=scope.days - 1)
    return f"{first.day} {first:%b} to {last.day} {last:%b %Y}"
