"""A row of the queue, made ready so that the template neither asks the database nor builds an address."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from cases.choices import CONTAINED, DeviceState, Severity, Stage, Tlp
from cases.models import Case, TimelineEntry
from cases.views.filters import Asked
from secops.marks import avatar, severity, six_glyphs, stage
from secops.models import User
from secops.wording import duration

SOON = 0.25  # share of the time to answer below which the colour warns


@dataclass(frozen=True, slots=True)
class Row:
    """What one line of the list shows; a restricted case shows nothing of itself, whoever looks."""

    case: Case
    url: str
    peek_url: str
    severity: SafeString
    stage: SafeString
    six: SafeString
    avatar: SafeString
    sla: str
    sla_class: str
    age: str

    @property
    def is_masked(self) -> bool:
        return self.case.is_restricted

    @property
    def is_gone(self) -> bool:
        return self.case.stage == Stage.CLOSED


@dataclass(frozen=True, slots=True)
class Step:
    """One stage in the stepper: `state` is done, now, or empty for what is still to come."""

    label: str
    state: str


def rows_of(cases: Iterable[Case], asked: Asked, reader: User) -> list[Row]:
    """One address is reversed for all rows."""
    now = timezone.now()
    before = reverse("cases:case", args=[1]).removesuffix("CASE-1/")
    plain = asked.url(peek=None)
    peek = f"{plain}{'&' if '?' in plain else '?'}peek="
    return [row_of(case, f"{before}{case.number}/", f"{peek}{case.number}", now, reader) for case in cases]


def row_of(case: Case, url: str, peek_url: str, now: datetime, reader: User) -> Row:
    """Its drawings come from caches: fifty rows cost what their words cost."""
    text, css = sla_of(case, now)
    return Row(
        case=case,
        url=url,
        peek_url=peek_url,
        severity=severity(case.severity, has_word=False),
        stage=stage(case.stage),
        six=six_glyphs(case.cards),
        avatar=avatar(case.assignee.display_name if case.assignee else "", is_me=case.assignee_id == reader.pk),
        sla=text,
        sla_class=css,
        age=duration((now - case.opened_at).total_seconds()),
    )


def sla_of(case: Case, now: datetime) -> tuple[str, str]:
    """Time left in words, and `soon` or `over` when it should be seen."""
    if case.closed_at:
        return "closed", ""
    if case.sla_due_at is None:
        return "no limit", ""
    left = (case.sla_due_at - now).total_seconds()
    if left < 0:
        return f"{duration(left)} over", "over"
    whole = (case.sla_due_at - case.opened_at).total_seconds()
    return f"{duration(left)} left", "soon" if left < whole * SOON else ""


def steps_of(case: Case) -> list[Step]:
    """The five stages with the one where the case stands. Closed, it went through those up to where it was closed."""
    stages = list(Stage)
    here = Stage(case.stage)
    last = stages.index(_closed_in(case) if here == Stage.CLOSED else here)
    passed = stages[: last + 1]
    return [Step(one.label, "now" if one == here else "done" if one in passed else "") for one in stages]


def _closed_in(case: Case) -> Stage:
    """The stage in which it was closed last; where nothing tells, it went through all."""
    entry = TimelineEntry.objects.filter(case=case, refs__undo="close").order_by("-seq").first()
    return Stage(entry.refs["was"]) if entry else Stage.CLOSED


def released_of(case: Case) -> str:
    """Which device of the case was let back, by name, or how many; a stage says nothing of that. Empty: none."""
    return _named(case, DeviceState.RELEASED)


def held_of(case: Case) -> str:
    """Which device a closed case still holds isolated, likewise; of an open one its panel tells."""
    return "" if case.is_open else _named(case, *CONTAINED)


def _named(case: Case, *states: DeviceState) -> str:
    found = case.case_devices.filter(state__in=states).values_list("device__name", flat=True)
    names = list(found.order_by("pk")[:100])
    return names[0] if len(names) == 1 else f"{len(names)} devices" if names else ""


def tlp_of(case: Case) -> str:
    return str(Tlp(case.tlp).label)


def severity_of(case: Case) -> str:
    return str(Severity(case.severity).label)


def risk_class(score: int | None) -> str:
    """How loud the number is: calm below 40, mid below 70."""
    if score is None or score < 40:
        return "calm"
    return "mid" if score < 70 else ""
