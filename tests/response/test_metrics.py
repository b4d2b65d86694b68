"""The metrics page: every number of a small house computed by hand, and nothing of a case that is not the reader's."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cases.choices import Disposition, Severity, Stage
from cases.models import Case
from enrichment.choices import LookupState
from enrichment.models import CaseLookup, Lookup
from response.choices import Consent, Decision, Effect, Risk, RunState, StepState
from response.models import Approval, Override, Run, RunbookVersion, StandingApproval, StepChange, StepRun
from response.services.metrics import figures as words
from response.services.metrics.page import Figures, made
from response.services.metrics.scope import Scope
from secops.models import User
from tests.factories import make_alert, make_case, make_kind, make_user
from tests.response.conftest import ISOLATE, make_runbook

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
TODAY = datetime(2026, 11, 24, tzinfo=UTC)
TRUE, FALSE = Disposition.TRUE_POSITIVE, Disposition.FALSE_POSITIVE


def closed(opened: datetime, *, ack: float, closed: float, limit: float = 60, said: str = TRUE, **fields: Any) -> Case:
    """A case of those minutes after its opening."""
    at = opened + timedelta(minutes=closed)
    return make_case(
        opened_at=opened,
        acknowledged_at=opened + timedelta(minutes=ack),
        sla_due_at=opened + timedelta(minutes=limit),
        closed_at=at,
        updated_at=at,
        stage=Stage.CLOSED,
        disposition=said,
        **fields,
    )


def figures_of(reader: User, *, days: int = 7, severity: int = Severity.INFO) -> Figures:
    return made(Scope(reader=User.objects.get(pk=reader.pk), days=days, severity=severity, end=NOW))


def tile(figures: Figures, label: str) -> tuple[str, str, str, str]:
    found = next(one for one in figures.tiles if one.label == label)
    value = " ".join(part for pair in found.value for part in pair if part)
    return value, found.change, found.tone, found.note


@pytest.fixture
def version(db: None) -> RunbookVersion:
    return make_runbook(ISOLATE)


def make_run(case: Case, version: RunbookVersion, by: User, *, ended: datetime, state: str = RunState.SUCCEEDED) -> Run:
    return Run.objects.create(
        request_id=uuid4(),
        version=version,
        case=case,
        requested_by=by,
        state=state,
        started_at=ended - timedelta(hours=1),
        ended_at=ended,
        deadline=ended + timedelta(hours=1),
    )


def make_step(run: Run, seq: int, at: datetime, *, action: str = "isolate_device", **fields: Any) -> StepRun:
    usual: dict[str, Any] = {
        "effect": Effect.VERIFY,
        "risk": Risk.DISRUPTIVE,
        "state": StepState.SUCCEEDED,
        "lane": action,
        "target": f"device:{seq}",
        "approvals_needed": 1,
    }
    return StepRun.objects.create(
        run=run,
        seq=seq,
        key=f"s{seq}",
        title=action,
        action=action,
        requested_by=run.requested_by,
        state_at=at,
        **usual | fields,
    )


def waited(step: StepRun, *, asked: datetime, minutes: float, by: User | None = None) -> None:
    """Asked and left after so many minutes; `by`: who approved."""
    left = asked + timedelta(minutes=minutes)
    for seq, at, old, new in (
        (1, asked, StepState.PENDING, StepState.WAITING),
        (2, left, StepState.WAITING, StepState.READY),
    ):
        StepChange.objects.create(
            step=step, seq=seq, at=at, old=old, new=new, token=0, who="Nightdesk", previous="", hash=f"{seq}"
        )
    if by is not None:
        Approval.objects.create(
            step=step,
            params_sha256="a",
            decided_by=by,
            requested_by=step.requested_by,
            decision=Decision.APPROVED,
            decided_at=left,
            expires_at=left + timedelta(hours=1),
        )


# --- times and shares -------------------------------------------------------------------------------------------------
@pytest.fixture
def week(analyst: User) -> None:
    """Four cases closed in the week, two in the week before; a duplicate, one opened by hand, one that is late."""
    day = TODAY - timedelta(days=2)
    closed(day, ack=2, closed=30)
    closed(day, ack=4, closed=90)  # over its limit of 60
    closed(day, ack=6, closed=50, said=FALSE)
    closed(TODAY, ack=20, closed=40)
    closed(day, ack=1, closed=3, said=Disposition.DUPLICATE)  # acknowledged, but resolved by another case
    make_case(opened_at=day, acknowledged_at=day, updated_at=day)  # opened by a person: nobody waited
    make_case(opened_at=day, sla_due_at=day + timedelta(hours=1), updated_at=day)  # late and still open
    before = TODAY - timedelta(days=9)
    closed(before, ack=5, closed=100, limit=120)
    closed(before, ack=5, closed=100, limit=120, said=FALSE)
    closed(TODAY - timedelta(days=30), ack=500, closed=600)  # in neither


def test_times_are_medians_against_the_period_before(week: None, analyst: User) -> None:
    figures = figures_of(analyst)

    # 1, 2, 4, 6, 20 minutes: the middle is 4, nine tenths of five are all five; before 5 and 5
    assert tile(figures, "Time to acknowledge") == ("4 m 0 s", "20 % faster", "up", "p90 20 m")
    # 30, 40, 50, 90 minutes: 45 in the middle; before 100: 55 % less
    assert tile(figures, "Time to resolve") == ("45 m 0 s", "55 % faster", "up", "p90 1 h 30")
    assert figures.closed == 4
    assert figures.still_open == 2


def test_a_limit_that_passed_over_an_open_case_was_missed(week: None, analyst: User) -> None:
    # closed in time 3 of 4, and one late that is still open: 3 of 5; before 2 of 2
    assert tile(figures_of(analyst), "SLA met") == ("60 %", "40 pt lower", "down", "2 of 5 missed")


def test_false_positives_are_a_share_of_what_was_closed(week: None, analyst: User) -> None:
    # 1 of 4, before 1 of 2; the duplicate is in neither
    assert tile(figures_of(analyst), "False positives") == ("25 %", "25 pt lower", "up", "1 of 4 closed")


def test_the_days_of_the_chart_have_their_own_median(week: None, analyst: User) -> None:
    rows = {row[0]: row[1:] for row in figures_of(analyst).charts["time_to_resolve"].rows}

    assert len(rows) == 7
    assert rows["2026-11-22"] == [3, 50 * 60, 90 * 60]
    assert rows["2026-11-24"] == [1, 40 * 60, 40 * 60]
    assert rows["2026-11-23"] == [0, None, None]


def test_severity_narrows_every_number(week: None, analyst: User) -> None:
    Case.objects.update(severity=Severity.LOW)
    closed(TODAY, ack=7, closed=9, severity=Severity.CRITICAL)

    figures = figures_of(analyst, severity=Severity.HIGH)

    assert tile(figures, "Time to acknowledge") == ("7 m 0 s", "none in the period before", "", "p90 7 m")
    assert figures.closed == 1


def test_contained_is_the_last_confirmed_step_of_a_case(analyst: User, version: RunbookVersion) -> None:
    opened = TODAY - timedelta(days=1)

    def case_with(*steps: tuple[float, str], targets: str = "aaa") -> None:
        run = make_run(make_case(opened_at=opened), version, analyst, ended=NOW)
        for seq, (minutes, state) in enumerate(steps, start=1):
            at = opened + timedelta(minutes=minutes)
            make_step(run, seq, at, state=state, target=f"device:{targets[seq - 1]}")

    case_with((10, StepState.SUCCEEDED), (25, StepState.SUCCEEDED))  # 25: the last
    case_with((5, StepState.FAILED), (35, StepState.SUCCEEDED))  # 35: it failed first, then it held
    case_with((10, StepState.SUCCEEDED), (20, StepState.FAILED))  # not contained
    case_with((10, StepState.SUCCEEDED), (20, StepState.UNKNOWN))  # nobody knows
    case_with((5, StepState.FAILED), (10, StepState.SUCCEEDED), targets="ab")  # a was never closed
    case_with((5, StepState.SUCCEEDED), (30, StepState.EXPIRED), targets="ab")  # nobody approved b

    rows = {row[0]: row[1:] for row in figures_of(analyst).charts["time_to_contain"].rows}

    assert rows["2026-11-23"] == [2, 30 * 60, 35 * 60]


# --- automation -------------------------------------------------------------------------------------------------------
def test_time_saved_is_the_minutes_by_hand_less_the_wait(analyst: User, version: RunbookVersion) -> None:
    case, eve = make_case(), make_user("eve", ["approver"])
    at = TODAY + timedelta(hours=9)
    run = make_run(case, version, analyst, ended=at)
    make_run(case, version, analyst, ended=at, state=RunState.FAILED)
    quick = make_step(run, 1, at)  # 10 minutes by hand, 4 of them waited for: 6
    waited(quick, asked=at - timedelta(minutes=8), minutes=4, by=eve)
    slow = make_step(run, 2, at, undoes=None)  # waited for longer than by hand: nothing, never less
    waited(slow, asked=at - timedelta(minutes=90), minutes=60, by=eve)
    make_step(run, 3, at, action="acquire_memory", effect=Effect.KEYED, risk=Risk.READ, approvals_needed=0)  # 30
    asked = make_step(run, 4, at, action="ask_person", effect=Effect.READ, risk=Risk.READ)  # a person's own work
    waited(asked, asked=at - timedelta(minutes=5), minutes=5)
    make_step(run, 5, at, state=StepState.FAILED)
    before = make_run(case, version, analyst, ended=at - timedelta(days=7))
    make_step(before, 1, at - timedelta(days=7), action="notify", effect=Effect.ONCE)  # 5 minutes, the week before

    figures = figures_of(analyst)

    # 6 + 0 + 30 = 36 minutes = 0.6 h; before 5 minutes: 31 minutes more = 0.5 h
    assert tile(figures, "Analyst time saved") == ("0.6 h", "+0.5 h", "up", "3 steps")
    assert figures.charts["time_saved"].rows == [["Contain", 2, "50 %", 0.6]]
    assert figures.decisions == (2, 32 * 60, 60 * 60)  # 4 and 60 minutes; nobody approved what asked a person


def test_consents_and_undos_are_of_confirmed_effects(analyst: User, version: RunbookVersion) -> None:
    run = make_run(make_case(), version, analyst, ended=NOW)
    at = TODAY + timedelta(hours=1)
    steps = [make_step(run, seq, at) for seq in range(1, 5)]
    make_step(run, 9, at, action="release_device", undoes=steps[0])
    standing = StandingApproval.objects.create(
        title="Night", action="isolate_device", device_group="Laptops", expires_at=NOW + timedelta(days=1)
    )
    usual: dict[str, Any] = {"reason": "Nobody picks up", "params_sha256": "a", "at": at}
    Override.objects.create(step=steps[1], kind=Consent.STANDING, standing=standing, **usual)
    Override.objects.create(step=steps[2], kind=Consent.BREAK_GLASS, by=analyst, **usual)

    consents = figures_of(analyst).work.consents

    assert (consents.asked, consents.by_people, consents.standing, consents.break_glass) == (4, 2, 1, 1)
    assert (consents.undo_rate, consents.standing_rate) == ("25 %", "25 %")


# --- alerts, sources, tuning ------------------------------------------------------------------------------------------
def test_alerts_are_counted_by_day_severity_and_hour(analyst: User) -> None:
    case = make_case()
    for hours, severity in ((1, Severity.HIGH), (1, Severity.LOW), (9, Severity.LOW), (-23, Severity.LOW)):
        make_alert(case, received_at=TODAY + timedelta(hours=hours, minutes=30), severity=severity)
    make_alert(case, received_at=TODAY - timedelta(days=20))

    charts = figures_of(analyst).charts
    days = {row[0]: row[1:] for row in charts["alerts_per_day"].rows}
    hours = {row[0]: row[1:] for row in charts["alerts_by_hour"].rows}

    assert charts["alerts_per_day"].columns[1:] == ["Critical", "High", "Medium", "Low", "Info"]
    assert days["2026-11-24"] == [0, 1, 0, 2, 0]
    assert days["2026-11-23"] == [0, 0, 0, 1, 0]
    assert (hours["Tue"][1], hours["Tue"][9], hours["Mon"][1], sum(hours["Sun"])) == (2, 1, 1, 0)


def test_sources_are_counted_once_however_many_cases_share_a_call(analyst: User) -> None:
    cases = [make_case(), make_case()]
    for number, (state, seconds) in enumerate([*[(LookupState.ANSWERED, n) for n in range(1, 20)], ("failed", 50)]):
        lookup = Lookup.objects.create(
            question="domain_reputation",
            connector_name="Intel",
            subject_kind="domain",
            subject={},
            subject_key=f"{number:064}",
            bucket="",
            tlp=1,
            state=state,
            created_at=TODAY,
            ended_at=TODAY + timedelta(seconds=seconds),
        )
        for case in cases:
            CaseLookup.objects.create(case=case, lookup=lookup)

    # 19 answers of 1 to 19 s: 95 % of 19 are 18.05, so the 19th; 1 of 20 failed
    assert figures_of(analyst).charts["sources"].rows == [["Intel", 20, "19 s", "5 %"]]


def test_rules_with_false_positives_come_first(analyst: User) -> None:
    noisy, good = {"rule_id": "7", "rule_name": "Noisy"}, {"rule_id": "8", "rule_name": "=Good"}
    for said, rule in ((FALSE, noisy), (FALSE, noisy), (TRUE, noisy), (FALSE, good), (TRUE, good), (TRUE, good)):
        case = closed(TODAY, ack=1, closed=2, said=said)
        make_alert(case, **rule)
        make_alert(case, **rule)  # a second alert is not a second case

    rows = figures_of(analyst).charts["false_positives_by_rule"].rows

    assert rows == [["Noisy", "nightdesk", 3, 2, "66.7 %"], ["=Good", "nightdesk", 3, 1, "33.3 %"]]


def test_the_spread_never_speaks_of_few(analyst: User) -> None:
    people = [make_user() for _ in range(3)]
    wide, few = make_kind(name="Beacon"), make_kind(name="Macro")
    for index, minutes in enumerate((10, 20, 30, 40, 50)):
        closed(TODAY, ack=1, closed=minutes, kind=wide, assignee=people[index % 3])
        closed(TODAY, ack=1, closed=minutes, kind=few, assignee=people[index % 2])  # only two analysts

    rows = figures_of(analyst).charts["spread_by_kind"].rows

    assert rows == [
        ["Beacon", 5, "30 m", "20 m to 40 m, 20 m wide"],
        ["Macro", 5, "too few to say", "too few to say"],
    ]
    Case.objects.filter(kind=wide).order_by("pk")[:1].get().delete()
    assert figures_of(analyst).charts["spread_by_kind"].rows[1] == ["Beacon", 4, "too few to say", "too few to say"]


# --- whose numbers ----------------------------------------------------------------------------------------------------
def test_a_restricted_case_adds_to_no_number_of_others(week: None, analyst: User, version: RunbookVersion) -> None:
    before = figures_of(analyst)

    hidden = closed(TODAY, ack=9, closed=200, said=FALSE, is_restricted=True, kind=make_kind(name="Insider"))
    make_alert(hidden, received_at=TODAY, rule_name="Hidden")
    run = make_run(hidden, version, analyst, ended=TODAY + timedelta(hours=2))
    waited(make_step(run, 1, TODAY + timedelta(hours=2)), asked=TODAY, minutes=3, by=make_user())

    after = figures_of(analyst)
    assert (after.tiles, after.charts, after.closed, after.decisions, after.work.consents) == (
        before.tiles,
        before.charts,
        before.closed,
        before.decisions,
        before.work.consents,
    )
    Case.objects.filter(pk=hidden.pk).update(is_restricted=False)
    assert figures_of(analyst).tiles != before.tiles


def test_the_statements_do_not_grow_with_the_cases(analyst: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            figures_of(analyst)
        return len(found)

    closed(TODAY, ack=1, closed=2)
    few = asked()
    for _ in range(8):
        make_alert(closed(TODAY, ack=1, closed=2, kind=make_kind()))

    assert asked() == few <= 15


# --- words ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (82, 100, ("18 % faster", "up")),
        (124, 100, ("24 % slower", "down")),
        (300, 100, ("3.0 times as long", "down")),
        (100, 100.2, ("as before", "")),
        (None, 100, ("none in this period", "")),
        (100, None, ("none in the period before", "")),
    ],
)
def test_a_change_is_said_in_words(now: float | None, before: float | None, said: tuple[str, str]) -> None:
    assert words.faster(now, before) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(45, "45 s"), (372, "6 m 12 s"), (6480, "1 h 48 m"), (187_200, "2 d 4 h"), (None, "–")]
)
def test_a_time_is_number_and_unit(seconds: float | None, said: str) -> None:
    assert " ".join(part for pair in words.parts(seconds) for part in pair if part) == said


# --- pages ------------------------------------------------------------------------------------------------------------
def test_an_empty_house_says_so(client: Client, analyst: User) -> None:
    client.force_login(analyst)

    html = client.get("/metrics/").content.decode()

    assert "No case was closed in these 30 days" in html
    assert "No alert in these 30 days." in html
    assert "No runbook ended in these 30 days." in html
    assert 'aria-current="page" title="Metrics"' in html
    assert "Only cases that you may see are counted" in html


def test_the_page_draws_and_says_the_same_in_tables(client: Client, analyst: User) -> None:
    now = datetime.now(UTC)
    case = closed(now - timedelta(hours=30), ack=6, closed=1440)
    make_alert(case, received_at=now - timedelta(hours=30))
    client.force_login(analyst)

    html = client.get("/metrics/?days=7&sev=2&time=resolve").content.decode()

    assert "6<small> m </small>0<small> s</small>" in html
    assert 'aria-label="Time to resolve per day, median and p90"' in html
    assert 'aria-label="Alerts per day by severity, 1 in 7 days"' in html
    assert 'href="?days=7&amp;sev=2&amp;time=contain#times"' in html
    assert html.count("Numbers as a table") == 3  # nothing was saved by a runbook
    assert "style=" not in html.split("<main", 1)[1]
    assert client.get("/metrics/?days=8&sev=x&time=y").status_code == 200


def test_a_table_leaves_as_csv_and_begins_no_formula(client: Client, analyst: User) -> None:
    case = closed(datetime.now(UTC) - timedelta(hours=1), ack=1, closed=2, said=FALSE)
    make_alert(case, rule_name="=HYPERLINK(1)")
    client.force_login(analyst)

    answer = client.get("/metrics.csv?chart=false_positives_by_rule&days=7")
    rows = list(csv.reader(io.StringIO(answer.content.decode())))

    assert rows == [
        ["Rule", "Detector", "Cases closed", "False", "Share"],
        ["'=HYPERLINK(1)", "nightdesk", "1", "1", "100 %"],
    ]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="metrics-false_positives_by_rule-')
    assert client.get("/metrics.csv?chart=nothing").status_code == 404
    assert "Analyst time saved (estimate)" in client.get("/metrics.csv").content.decode()


def test_how_each_number_is_made(client: Client, analyst: User, stranger: User) -> None:
    client.force_login(analyst)
    html = client.get("/metrics/definitions/").content.decode()
    assert "Isolate device" in html
    assert "20\u202f000" in html

    client.force_login(stranger)
    assert client.get("/metrics/definitions/").status_code == 403
    assert "/metrics/" not in client.get("/queue/").content.decode()
