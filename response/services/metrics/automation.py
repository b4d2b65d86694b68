"""What the machine did: time saved as an estimate, runs by runbook, who let effects go, what was undone."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, Max, Min, Q

from response.actions.base import actions
from response.choices import Consent, Effect, RunState, StepState
from response.models import Run, StepChange, StepRun
from response.services.metrics.figures import Chart, Tile, by_day, middle, percent, rank, share
from response.services.metrics.minutes import MINUTES
from response.services.metrics.scope import MOST, Scope
from secops.wording import HOUR, MINUTE, thousands


class Wait(NamedTuple):
    """How long a step waited for people; `is_approval`: somebody decided on it."""

    ended_at: datetime
    seconds: float
    is_approval: bool


class Saved(NamedTuple):
    at: datetime
    seconds: float
    runbook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """Of confirmed steps that change something: how they were let go, and what was taken back."""

    asked: int
    standing: int
    by_hunt: int
    break_glass: int
    undoable: int
    undone: int

    @property
    def by_people(self) -> int:
        return self.asked - self.standing - self.by_hunt - self.break_glass

    @property
    def undo_rate(self) -> str:
        return percent(share(self.undone, self.undoable))

    @property
    def standing_rate(self) -> str:
        return percent(share(self.standing, self.asked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    scope: Scope
    waits: dict[int, Wait]
    saved: list[Saved]
    runs: list[tuple[str, int, int]]  # runbook, ended, of which succeeded
    consents: Consents
    is_cut: bool


def read(scope: Scope) -> Work:
    """Four statements: waits, confirmed steps, runs, consents."""
    waits, is_many = _waits(scope)
    steps = StepRun.objects.filter(
        run__case__in=scope.cases(),
        state=StepState.SUCCEEDED,
        state_at__gte=scope.before,
        state_at__lt=scope.end,
    )
    done = steps.filter(action__in=MINUTES).order_by("-state_at")
    rows = list(done.values_list("pk", "action", "state_at", "run__version__runbook__title")[: MOST + 1])
    saved = [Saved(at, _saved(action, waits.get(pk)), title) for pk, action, at, title in rows[:MOST]]
    return Work(
        scope=scope,
        waits=waits,
        saved=saved,
        runs=_runs(scope),
        consents=_consents(scope),
        is_cut=is_many or len(rows) > MOST,
    )


def _saved(action: str, wait: Wait | None) -> float:
    """Never less than nothing: while a person is waited for, nobody does the work by hand either."""
    return max(MINUTES[action] * MINUTE - (wait.seconds if wait else 0.0), 0.0)


def _waits(scope: Scope) -> tuple[dict[int, Wait], bool]:
    """From the first question to the last answer, of every step that moved in the periods."""
    changes = StepChange.objects.filter(
        Q(new=StepState.WAITING) | Q(old=StepState.WAITING),
        step__run__case__in=scope.cases(),
        step__state_at__gte=scope.before,
        step__state_at__lt=scope.end,
    )
    rows = list(
        changes.order_by()
        .values_list("step")
        .annotate(
            asked=Min("at", filter=Q(new=StepState.WAITING)),
            left=Max("at", filter=Q(old=StepState.WAITING)),
            decided=Max("step__approvals__decided_at"),
        )
        .order_by(F("left").desc(nulls_last=True))[: MOST + 1]
    )
    found = {
        pk: Wait(left, max((left - asked).total_seconds(), 0.0), decided is not None)
        for pk, asked, left, decided in rows[:MOST]
        if asked and left
    }
    return found, len(rows) > MOST


def _runs(scope: Scope) -> list[tuple[str, int, int]]:
    ended = Run.objects.filter(case__in=scope.cases(), ended_at__gte=scope.start, ended_at__lt=scope.end)
    counted = (
        ended.order_by()
        .values_list("version__runbook__title")
        .annotate(ended=Count("pk"), ok=Count("pk", filter=Q(state=RunState.SUCCEEDED)))
    )
    return list(counted.order_by("version__runbook__title"))


def _consents(scope: Scope) -> Consents:
    done = StepRun.objects.filter(
        run__case__in=scope.cases(),
        state=StepState.SUCCEEDED,
        state_at__gte=scope.start,
        state_at__lt=scope.end,
        undoes=None,
    ).exclude(effect=Effect.READ)
    can = Q(action__in=[one.slug for one in actions if one.undone_by])
    asked = Q(approvals_needed__gt=0)
    return Consents(
        **done.aggregate(
            asked=Count("pk", filter=asked),
            standing=Count("pk", filter=asked & Q(override__kind=Consent.STANDING)),
            by_hunt=Count("pk", filter=asked & Q(allowed__isnull=False)),
            break_glass=Count("pk", filter=asked & Q(override__kind=Consent.BREAK_GLASS)),
            undoable=Count("pk", filter=can),
            undone=Count("pk", filter=can & Q(undone_by__state=StepState.SUCCEEDED)),
        )
    )


def tile(work: Work) -> Tile:
    now = [one for one in work.saved if work.scope.is_now(one.at)]
    before = [one for one in work.saved if work.scope.is_before(one.at)]
    hours = sum(one.seconds for one in now) / HOUR
    change = hours - sum(one.seconds for one in before) / HOUR
    days = by_day([(one.at, one.seconds) for one in now], work.scope.dates)
    said = f"{'+' if change > 0 else '−'}{_hours(abs(change))} h" if abs(change) >= 0.05 else "as before"
    return Tile(
        label="Analyst time saved",
        value=[(_hours(hours), "h")],
        change=said if before or now else "none in this period",
        tone="" if abs(change) < 0.05 else "up" if change > 0 else "down",
        note=f"{thousands(len(now))} step{'' if len(now) == 1 else 's'}",
        series={"kind": "line", "colour": "b", "values": [sum(day) for day in days]},
        is_estimate=True,
    )


def chart(work: Work) -> Chart:
    """By runbook, the most time saved first; a runbook that saved nothing shows its runs all the same."""
    saved: dict[str, float] = defaultdict(float)
    for one in work.saved:
        if work.scope.is_now(one.at):
            saved[one.runbook] += one.seconds / HOUR
    runs = {title: (ended, ok) for title, ended, ok in work.runs}
    rows = []
    for title in sorted({*saved, *runs}, key=lambda title: (-saved.get(title, 0.0), title)):
        ended, ok = runs.get(title, (0, 0))
        rows.append([title, ended, percent(share(ok, ended)), round(saved.get(title, 0.0), 1)])
    return Chart(
        key="time_saved",
        title="Time saved by runbook",
        columns=["Runbook", "Runs ended", "Succeeded", "Hours saved, estimate"],
        rows=rows,
    )


def approval_wait(work: Work) -> tuple[int, float | None, float | None]:
    """Decisions by people that ended in the period: how many, median and p90 in seconds."""
    seconds = [one.seconds for one in work.waits.values() if one.is_approval and work.scope.is_now(one.ended_at)]
    return len(seconds), middle(seconds), rank(seconds, 0.9)


def _hours(hours: float) -> str:
    return thousands(round(hours)) if hours >= 10 else f"{hours:.1f}".removesuffix(".0")
