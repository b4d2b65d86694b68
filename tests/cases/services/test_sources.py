"""Who was heard when, how much came, and what a silence does; nothing of it tells that a restricted case exists."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.duties import SourcesClock
from cases.models import AlertsCounted, Case, Source, SourceHour
from cases.services import cases, counting, hearing, silence, sources
from cases.services.sources import State
from secops.errors import NotAllowedError
from secops.models import ApiToken, AuditEntry, User
from tests.cases.messages import own, send
from tests.factories import make_alert, make_case, make_kind

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime.fromisoformat("2026-11-20T12:30:00+00:00")


def make_source(name: str = "acme-ids", **fields: Any) -> Source:
    return Source.objects.create(
        **{"name": name, "detector": "suricata", "first_at": NOW - 30 * DAY, "heard_at": NOW} | fields
    )


def make_hours(source: Source, *hours: datetime, alerts: int = 1) -> None:
    top = [hour.replace(minute=0) for hour in hours]
    SourceHour.objects.bulk_create(SourceHour(source=source, hour=hour, alerts=alerts) for hour in top)


def restricted_kind() -> None:
    """Only of alerts that name it."""
    team = Group.objects.create(name="insiders")
    make_kind("insider", is_restricted=True, group=team, detectors=["no such"])


def test_whatever_comes_is_heard_also_what_is_no_alert() -> None:
    send(own())
    send({"nothing": "of it"}, source="broken")

    assert list(Source.objects.values_list("name", "detector")) == [("acme-ids", "nightdesk"), ("broken", "nightdesk")]


def test_a_refused_message_speaks_for_the_token_that_sent_it() -> None:
    token, _ = ApiToken.issue("mine", sources=["mine"])

    send(own(source="yours"), token=token, source="mine")

    assert [source.name for source in Source.objects.all()] == ["mine"]


def test_within_a_minute_hearing_costs_no_statement() -> None:
    hearing.hear({("acme-ids", "suricata")}, NOW)

    with CaptureQueriesContext(connection) as asked:
        hearing.hear({("acme-ids", "suricata")}, NOW + HOUR)

    assert len(asked) == 0
    hearing.forget()
    hearing.hear({("acme-ids", "suricata")}, NOW + HOUR)
    hearing.forget()
    hearing.hear({("acme-ids", "suricata")}, NOW)  # a slower process
    assert Source.objects.get().heard_at == NOW + HOUR


def test_each_alert_is_counted_once_in_its_hour() -> None:
    for minutes in (0, 10, 70):
        make_alert(make_case(), detector="suricata", received_at=NOW - timedelta(minutes=minutes + 5))
    late = make_alert(make_case(), detector="suricata", received_at=NOW)

    assert counting.count(NOW) == 3
    assert counting.count(NOW) == 0
    assert counting.count(NOW + HOUR) == 1
    assert list(SourceHour.objects.order_by("hour").values_list("hour", "alerts")) == [
        (NOW.replace(hour=11, minute=0), 1),
        (NOW.replace(minute=0), 3),
    ]
    assert AlertsCounted.objects.get().upto == late.pk


def test_many_alerts_are_counted_in_several_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "STEP", 2)
    for _ in range(5):
        make_alert(detector="suricata", received_at=NOW - HOUR)

    assert [counting.count(NOW) for _ in range(4)] == [2, 2, 1, 0]
    assert SourceHour.objects.get().alerts == 5


def test_old_hours_go() -> None:
    source = make_source()
    make_hours(source, NOW - 36 * DAY, NOW - DAY)
    make_alert(source="acme-ids", detector="suricata", received_at=NOW - HOUR)

    counting.count(NOW)

    assert SourceHour.objects.count() == 2


def test_nothing_of_a_restricted_case_is_heard_or_counted() -> None:
    restricted_kind()
    before = timezone.now() - HOUR
    send(own(source="dlp", kind="insider"))
    send(own(source="dlp", kind="insider"), *[own(source="acme-ids") for _ in range(2)])
    make_alert(
        make_case(is_restricted=True, group=Group.objects.get(name="insiders")), source="dlp", received_at=before
    )

    counting.count(timezone.now() + HOUR)

    assert Case.objects.filter(is_restricted=True).count() == 2
    assert [row.source.name for row in sources.health(timezone.now())] == ["acme-ids"]
    assert [hour.alerts for hour in SourceHour.objects.all()] == [2]


def test_a_restricted_alert_does_not_keep_its_source_awake() -> None:
    restricted_kind()
    at = timezone.now() - 9 * HOUR
    make_source("mixed", detector="nightdesk", heard_at=at, watch=Source.Watch.HOURS, hours=8)

    send(own(source="mixed", kind="insider"))

    assert silence.check(timezone.now()) == 1
    assert "mixed (nightdesk)" in Case.objects.get(is_restricted=False).title


def test_a_source_is_compared_with_its_own_past_days() -> None:
    source = make_source()
    make_hours(source, *(NOW - days * DAY for days in range(2, 8)), alerts=70)
    make_hours(source, NOW, alerts=10)
    make_hours(source, NOW - 3 * HOUR, alerts=170)

    (row,) = sources.health(NOW)

    assert (row.hour, row.day, row.usual) == (10, 180, 60.0)
    assert row.rate == "More: 3.0 × a usual day of 60"


def test_the_rate_is_said_in_words() -> None:
    fresh = make_source("fresh", first_at=NOW - HOUR)
    idle, less = make_source("idle"), make_source("less")
    make_hours(fresh, NOW, alerts=3)
    make_hours(less, NOW - 2 * DAY, alerts=70)
    make_hours(idle, NOW - 20 * DAY)

    said = {row.source.name: row.rate for row in sources.health(NOW)}

    assert said == {
        "fresh": "New: no past days yet",
        "idle": "As usual: none",
        "less": "Less: 0.0 × a usual day of 10",
    }


@pytest.mark.parametrize(
    ("watch", "hours", "age", "state"),
    [
        ("off", None, 23, State.LIVE),
        ("off", None, 25, State.QUIET),
        ("off", None, 900, State.QUIET),
        ("hours", 10, 4, State.LIVE),
        ("hours", 10, 6, State.QUIET),
        ("hours", 10, 10, State.SILENT),
        ("learnt", None, 900, State.QUIET),
    ],
)
def test_live_quiet_and_silent(watch: str, hours: int | None, age: int, state: State) -> None:
    make_source(watch=watch, hours=hours, heard_at=NOW - age * HOUR)

    assert sources.health(NOW)[0].state == state


def test_a_silence_opens_one_case_and_speaking_again_is_told_there() -> None:
    source = make_source(watch=Source.Watch.HOURS, hours=6, heard_at=NOW - 5 * HOUR)

    assert silence.check(NOW) == 0
    assert [silence.check(NOW + n * HOUR) for n in (1, 2, 30)] == [1, 0, 0]
    case = Case.objects.get()
    assert (case.title, case.stage) == ("No message from acme-ids (suricata) for 6 h 00", "new")
    assert "expected within 6 hours (set by an admin)" in case.timeline.get().text

    hearing.hear({("acme-ids", "suricata")}, NOW + 31 * HOUR)
    assert silence.check(NOW + 31 * HOUR) == 1
    assert case.timeline.latest("seq").text.startswith("acme-ids (suricata) speaks again")
    source.refresh_from_db()
    assert source.silent_case is None

    assert silence.check(NOW + 38 * HOUR) == 1
    assert Case.objects.count() == 2


def test_a_closed_case_of_a_silence_that_lasts_is_not_opened_again(responder: User) -> None:
    make_source(watch=Source.Watch.HOURS, hours=6, heard_at=NOW - 7 * HOUR)
    silence.check(NOW)
    case = Case.objects.get()
    cases.close(case.pk, "benign_true_positive", "Switched off", actor=responder)
    entries = case.timeline.count()

    assert silence.check(NOW + DAY) == 0
    hearing.hear({("acme-ids", "suricata")}, NOW + 2 * DAY)
    assert silence.check(NOW + 2 * DAY) == 1

    assert Case.objects.count() == 1
    assert case.timeline.count() == entries


def test_nothing_is_watched_unless_an_admin_says_so() -> None:
    make_source(heard_at=NOW - 300 * DAY)

    assert silence.check(NOW) == 0


def test_what_is_learnt_is_twice_the_longest_pause() -> None:
    source = make_source(watch=Source.Watch.LEARNT)
    make_hours(source, *(NOW - n * 6 * HOUR for n in range(30)))
    make_hours(source, *(NOW - (n * 6 + 1) * HOUR for n in range(30)))

    assert silence.learnt_hours(source) == 10
    assert not silence.is_silent(source, NOW + 9 * HOUR)
    assert silence.is_silent(source, NOW + 10 * HOUR)


def test_too_little_is_no_rhythm_and_a_steady_source_has_four_hours() -> None:
    few, short, steady = make_source("few"), make_source("short"), make_source("steady")
    make_hours(few, *(NOW - n * DAY for n in range(13)))
    make_hours(short, *(NOW - n * HOUR for n in range(100)))
    make_hours(steady, *(NOW - n * HOUR for n in range(200)))

    assert [silence.learnt_hours(source) for source in (few, short, steady)] == [None, None, 4]


def test_after_a_stop_of_our_own_the_clock_waits_before_it_calls_anybody_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_source(watch=Source.Watch.HOURS, hours=6, heard_at=timezone.now() - DAY)
    clock = SourcesClock()
    times = iter([0.0, 30.0, 70.0, 700.0, 701.0])
    monkeypatch.setattr("cases.duties.monotonic", lambda: next(times))
    clock._next_at = -1.0

    assert [clock() for _ in range(5)] == [0, 0, 0, 1, 0]


def test_only_an_admin_says_what_is_expected_and_the_audit_log_keeps_it(admin_user: User, responder: User) -> None:
    source = make_source()

    with pytest.raises(NotAllowedError):
        sources.expect(source, watch="hours", hours=6, actor=responder)
    sources.expect(source, watch="hours", hours=6, actor=admin_user)

    source.refresh_from_db()
    assert (source.watch, source.hours) == ("hours", 6)
    assert AuditEntry.objects.latest("seq").text == "Silence of source acme-ids (suricata): after 6 h"
    sources.expect(source, watch="learnt", hours=6, actor=admin_user)
    source.refresh_from_db()
    assert (source.watch, source.hours) == ("learnt", None)
