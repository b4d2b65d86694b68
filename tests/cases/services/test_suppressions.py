"""Suppression: what fits makes no case, is kept and counted, and goes in after all when somebody says so."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.errors import BusyError, IncompleteError, TransitionError
from cases.forms.suppressions import SuppressionForm
from cases.models import Alert, AlertPayload, Case, SuppressedAlert, Suppression
from cases.services import kinds, suppressions, timeline, weighing
from secops.errors import ConflictError, NotAllowedError
from secops.models import AuditEntry, User
from tests.cases.messages import own, send
from tests.factories import make_case, make_kind, make_user
from tests.racing import at_once

pytestmark = pytest.mark.django_db
ALERT = {
    "title": "Scan von außen",
    "devices": [{"name": "FIN-LT-0142", "address": "10.1.2.3"}],
    "people": [{"login": "m.okafor", "upn": "m.okafor@example.com"}],
    "observables": [{"kind": "domain", "value": "scanner.example", "role": "destination"}],
}


def rule(owner: User, **conditions: str) -> Suppression:
    return suppressions.write(conditions, "Our own scanner", timezone.now() + timedelta(days=7), actor=owner)


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        ({"source": "acme-ids"}, {"source": "acme-edr"}),
        ({"rule_id": "r7"}, {"rule": {"id": "r70"}}),
        ({"title": "SCAN VON AUSSEN"}, {"title": "Scan von innen"}),
        ({"device": "fin-lt-0142.corp.example"}, {"devices": [{"name": "FIN-LT-01420", "address": "10.1.2.3"}]}),
        ({"network": "10.1.2.99/24"}, {"devices": [{"name": "FIN-LT-0142", "address": "10.1.3.3"}]}),
        ({"person": "M.Okafor@example.com"}, {"people": [{"login": "m.okafors"}]}),
        ({"observable": "scanner[.]example"}, {"observables": [{"kind": "domain", "value": "a.scanner.example"}]}),
        ({"source": "acme-ids", "rule_id": "r7"}, {"rule": {"id": "r8"}}),
    ],
    ids=lambda value: "-".join(value),
)
def test_an_alert_that_fits_is_kept_counted_and_makes_no_case_and_the_preview_counts_the_same(
    analyst: User, condition: dict[str, str], other: dict[str, Any]
) -> None:
    send(own(**ALERT), own(**ALERT | other))
    weighed = weighing.suppression(suppressions.cleaned(condition), analyst)
    written = rule(analyst, **condition)
    cases = Case.objects.count()

    receipt = send(own(**ALERT), own(**ALERT | other))

    assert [result.status for result in receipt.results] == ["suppressed", "created"]
    assert (receipt.results[0].case_pk, receipt.results[0].rule) == (None, written.pk)
    written.refresh_from_db()
    assert (written.hits, written.last_hit_at is not None, Case.objects.count()) == (1, True, cases)
    alert = Alert.objects.get(suppressed_as__suppression=written)
    assert AlertPayload.objects.filter(alert=alert).exists()
    assert (weighed.fitting, weighed.total) == (1, 2)


def test_the_same_message_again_is_repeated_and_not_counted_twice(analyst: User) -> None:
    written = rule(analyst, source="acme-ids")
    first = own()

    assert send(first, first).number("suppressed") == 1
    again = send(first)

    assert (again.results[0].status, again.results[0].case_pk) == ("repeated", None)
    assert Suppression.objects.get(pk=written.pk).hits == 1


def test_a_rule_stops_at_its_expiry_to_the_second_and_when_it_is_ended(analyst: User) -> None:
    written = rule(analyst, source="acme-ids")
    just_before = send(own(), received_at=written.expires_at - timedelta(microseconds=1))
    at_its_end = send(own(), received_at=written.expires_at)

    suppressions.end(written.pk, actor=analyst)
    ended = send(own())

    assert [one.results[0].status for one in (just_before, at_its_end, ended)] == ["suppressed", "created", "created"]
    with pytest.raises(TransitionError):
        suppressions.end(written.pk, actor=analyst)


def test_a_house_without_rules_in_force_asks_nothing_more(analyst: User) -> None:
    make_kind()
    send(own())
    with CaptureQueriesContext(connection) as before:
        send(own())
    suppressions.end(rule(analyst, title="nothing").pk, actor=analyst)
    with CaptureQueriesContext(connection) as after:
        send(own())

    assert len(after) == len(before)
    assert not kinds.enabled(timezone.now()).may_suppress


def test_a_kind_that_is_born_restricted_is_never_suppressed(analyst: User) -> None:
    team = make_user("t", ["team"]).groups.get()
    kind = make_kind("insider", is_restricted=True, group=team)
    with pytest.raises(IncompleteError, match="never suppressed"):
        rule(analyst, kind="insider")
    rule(analyst, source="acme-ids")

    send(own(kind="insider"))

    assert Case.objects.get().kind == kind


def test_a_rule_whose_kind_is_gone_or_restricted_by_now_fits_nothing(analyst: User) -> None:
    kind = make_kind("scan")
    rule(analyst, kind="scan")
    assert send(own(kind="scan")).number("suppressed") == 1

    kind.delete()

    assert send(own(kind="scan"), own()).number("created") == 2


def test_a_suppressed_alert_of_a_kind_that_became_restricted_is_seen_by_its_team_only(
    analyst: User, responder: User
) -> None:
    kind = make_kind("scan")
    rule(analyst, kind="scan")
    send(own(kind="scan"))
    team = make_user("t", ["team"]).groups.get()
    responder.groups.add(team)

    kind.is_restricted, kind.group = True, team
    kind.save()

    assert not Alert.objects.visible_to(analyst).exists()
    assert Alert.objects.visible_to(responder).exists()


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"rule": {"id": "r8"}, "people": []},
        {"rule": {"id": "r8"}, "devices": []},
    ],
    ids=["fingerprint", "device", "person"],
)
def test_what_a_case_restricted_by_hand_is_about_is_not_suppressed_until_it_is_closed(
    analyst: User, other: dict[str, Any]
) -> None:
    send(own(**ALERT))
    case = Case.objects.get()
    rule(analyst, source="acme-ids")
    assert send(own(**ALERT | other)).number("suppressed") == 1
    Case.objects.update(is_restricted=True)

    receipt = send(own(**ALERT | other), own(devices=[{"name": "FIN-LT-0143"}]))

    assert [result.status for result in receipt.results] == ["created", "suppressed"]
    case.refresh_from_db()
    assert case.alert_count == (1 if other else 2)
    Case.objects.update(stage="closed", disposition="benign", close_reason="test", closed_at=timezone.now())
    assert send(own(**ALERT | other)).number("suppressed") == 1


def test_a_rule_that_fits_nothing_asks_for_no_restricted_case(analyst: User) -> None:
    rule(analyst, title="nothing")
    with CaptureQueriesContext(connection) as asked:
        send(own(**ALERT))

    assert not [query for query in asked.captured_queries if '"cases_case"."is_restricted"' in query["sql"]]


@pytest.mark.parametrize("who", ["stranger", "admin_user"])
def test_only_who_may_close_cases_may_suppress(request: pytest.FixtureRequest, who: str) -> None:
    with pytest.raises(NotAllowedError):
        rule(request.getfixturevalue(who), source="acme-ids")


@pytest.mark.parametrize(
    ("conditions", "reason", "days"),
    [({}, "why", 7), ({"title": " "}, "why", 7), ({"title": "x"}, " ", 7), ({"title": "x"}, "why", 0),
     ({"title": "x"}, "why", 91), ({"network": "10.0.0.0/99"}, "why", 7)],
)  # fmt: skip
def test_a_rule_needs_a_property_a_reason_and_an_end(
    analyst: User, conditions: dict[str, str], reason: str, days: int
) -> None:
    with pytest.raises(IncompleteError):
        suppressions.write(conditions, reason, timezone.now() + timedelta(days=days), actor=analyst)
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ({"device": ".corp.example"}, "no host name"),
        ({"device": " . ", "title": "x"}, "no host name"),
        ({"network": "0.0.0.0/0"}, "every address"),
        ({"network": "10.1.2.3/0"}, "every address"),
        ({"network": "::/0"}, "every address"),
    ],
    ids=str,
)
def test_a_rule_whose_device_or_network_would_fit_everything_is_refused(
    analyst: User, conditions: dict[str, str], why: str
) -> None:
    with pytest.raises(IncompleteError, match=why):
        rule(analyst, **conditions)
    form = SuppressionForm(QueryDict(urlencode(conditions | {"reason": "why", "days": "7"})))
    assert why in str(form.errors)


def test_a_device_without_a_host_name_in_a_rule_of_before_fits_no_alert(analyst: User) -> None:
    now = timezone.now()
    Suppression.objects.create(
        device=".corp.example", reason="why", owner=analyst, written_at=now, expires_at=now + timedelta(days=7)
    )

    receipt = send(own(devices=[{"address": "10.1.2.3"}]), own(devices=[{"name": ".corp.example"}]))

    assert receipt.number("created") == 2


def test_what_was_suppressed_is_let_in_once_grouped_as_if_it_had_come_now(analyst: User) -> None:
    written = rule(analyst, source="acme-ids")
    send(*[own(**ALERT) for _ in range(3)], own(devices=[{"name": "FIN-LT-0143"}]))
    send(own(), received_at=timezone.now() - timedelta(days=8))

    done = suppressions.let_in(written.pk, actor=analyst)

    assert (done.alerts, done.cases, done.left) == (4, 2, 0)
    case = Case.objects.get(device_name="FIN-LT-0142")
    assert (case.alert_count, case.person_name, case.target) == (3, "m.okafor@example.com", "scanner.example")
    assert f"Let in by Ada Lind; {written.number} had suppressed it" in case.timeline.get().text
    assert timeline.verify(case) is None
    assert SuppressedAlert.objects.filter(let_in_by=analyst).count() == 4
    with pytest.raises(TransitionError):
        suppressions.let_in(written.pk, actor=analyst)
    suppressions.end(written.pk, actor=analyst)
    send(own(**ALERT))
    case.refresh_from_db()
    assert case.alert_count == 4  # one story: letting in and receiving give the same fingerprint
    texts = list(AuditEntry.objects.order_by("seq").values_list("text", flat=True))
    assert [text.split()[0] for text in texts] == ["Wrote", "Let", "Ended"]


@pytest.mark.parametrize("number", [1, 25], ids=["few", "looked up by their bytes"])
def test_an_alert_that_comes_again_when_its_rule_is_over_makes_its_case_once(analyst: User, number: int) -> None:
    written = rule(analyst, source="acme-ids")
    alerts = [own(**ALERT) for _ in range(number)]
    assert send(*alerts).number("suppressed") == number
    assert send(*alerts).number("repeated") == number
    suppressions.end(written.pk, actor=analyst)

    receipt = send(*alerts, alerts[0] | {"count": 3})

    case = Case.objects.get()
    assert [result.status for result in receipt.results] == ["created"] * number + ["repeated"]
    assert {result.case_pk for result in receipt.results} == {case.pk}
    assert (case.alert_count, case.alerts.count(), case.is_planning_due) == (number, number, True)
    assert f"{written.number} had suppressed it when it came first" in case.timeline.get().text
    assert timeline.verify(case) is None
    assert SuppressedAlert.objects.filter(let_in_at__isnull=False, let_in_by=None).count() == number
    again = send(*alerts)
    case.refresh_from_db()
    assert (again.number("repeated"), case.alert_count) == (number, number)
    with pytest.raises(TransitionError):
        suppressions.let_in(written.pk, actor=analyst)


def test_an_alert_that_comes_again_stays_out_while_another_rule_fits_and_does_not_count_there(analyst: User) -> None:
    written = rule(analyst, source="acme-ids")
    alert, new = own(**ALERT), own(**ALERT)
    send(alert)
    suppressions.end(written.pk, actor=analyst)
    other = rule(analyst, rule_id="r7")

    receipt = send(alert, new, own(**ALERT, rule={"id": "r8"}))

    assert [result.status for result in receipt.results] == ["repeated", "suppressed", "created"]
    other.refresh_from_db()
    assert other.hits == 1


def test_an_alert_that_comes_again_joins_the_restricted_case_of_its_story(analyst: User) -> None:
    rule(analyst, source="acme-ids")
    alert = own(**ALERT)
    send(alert)
    suppressions.end(Suppression.objects.get().pk, actor=analyst)
    send(own(**ALERT))
    Case.objects.update(is_restricted=True)

    (result,) = send(alert, own(**ALERT)).results[:1]

    case = Case.objects.get()
    assert (result.status, result.case_pk, result.is_restricted, case.alert_count) == ("created", case.pk, True, 3)


def test_a_preview_names_escalated_cases_only_to_who_may_see_them(analyst: User, responder: User) -> None:
    send(own(), own(devices=[{"name": "FIN-LT-0143"}]), own(devices=[{"name": "FIN-LT-0144"}]))
    team = make_user("t", ["team"]).groups.get()
    responder.groups.add(team)
    first, second, _ = Case.objects.order_by("pk")
    Case.objects.filter(pk=first.pk).update(stage="response")
    Case.objects.filter(pk=second.pk).update(stage="response", is_restricted=True, group=team)

    mine = weighing.suppression({"source": "acme-ids"}, analyst)
    theirs = weighing.suppression({"source": "acme-ids"}, responder)

    assert (mine.fitting, mine.total, mine.escalated, mine.cases) == (2, 2, 1, [first])
    assert (theirs.fitting, theirs.escalated, set(theirs.cases)) == (3, 2, {first, second})


def test_a_preview_looks_back_seven_days_and_at_the_newest_alerts(
    analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_case()
    send(own(), received_at=timezone.now() - timedelta(days=8))
    send(*[own() for _ in range(5)])
    whole = weighing.suppression({"source": "acme-ids"}, analyst)
    monkeypatch.setattr("cases.services.stored.MOST", 2)

    cut = weighing.suppression({"source": "acme-ids"}, analyst)

    assert (whole.fitting, whole.total, whole.is_cut) == (5, 5, False)
    assert (cut.fitting, cut.total, cut.is_cut) == (2, 2, True)


@pytest.mark.parametrize(("sqlstate", "raised"), [("40P01", BusyError), ("57014", OperationalError)])
def test_a_deadlock_while_letting_in_is_told_as_busy_and_lets_nothing_in(
    analyst: User, monkeypatch: pytest.MonkeyPatch, sqlstate: str, raised: type[Exception]
) -> None:
    written = rule(analyst, source="acme-ids")
    send(own())

    def locked(*args: Any, **options: Any) -> None:
        cause = Exception()
        cause.sqlstate = sqlstate  # type: ignore[attr-defined]
        raise OperationalError from cause

    monkeypatch.setattr("cases.services.joining.write", locked)

    with pytest.raises(raised):
        suppressions.let_in(written.pk, actor=analyst)
    assert SuppressedAlert.objects.filter(let_in_at__isnull=True).count() == 1


def test_letting_in_locks_what_was_suppressed_and_not_the_rule(analyst: User) -> None:
    written = rule(analyst, source="acme-ids")
    send(own())

    with CaptureQueriesContext(connection) as asked:
        suppressions.let_in(written.pk, actor=analyst)

    locking = [query["sql"] for query in asked.captured_queries if "FOR UPDATE" in query["sql"]]
    assert not [sql for sql in locking if 'FROM "cases_suppression"' in sql]
    assert not [query for query in asked.captured_queries if query["sql"].startswith('UPDATE "cases_suppression"')]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_who_let_in_at_the_same_moment_while_alerts_come_lose_and_double_nothing(analyst: User) -> None:
    written = rule(analyst, rule_id="r7")
    send(*[own() for _ in range(20)])
    suppressions.end(written.pk, actor=analyst)

    done = at_once(
        lambda: suppressions.let_in(written.pk, actor=analyst),
        lambda: suppressions.let_in(written.pk, actor=analyst),
        lambda: send(*[own() for _ in range(20)]),
    )
    if all(isinstance(one, ConflictError) for one in done[:2]):
        suppressions.let_in(written.pk, actor=analyst)

    case = Case.objects.get()
    assert (case.alert_count, case.alerts.count()) == (40, 40)
    assert SuppressedAlert.objects.filter(let_in_at__isnull=True).count() == 0
    assert timeline.verify(case) is None


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_alerts_that_come_again_twice_at_once_while_a_person_lets_them_in_go_in_once(analyst: User) -> None:
    written = rule(analyst, rule_id="r7")
    alerts = [own() for _ in range(10)]
    send(*alerts)
    suppressions.end(written.pk, actor=analyst)

    at_once(
        lambda: send(*[one | {"count": 2} for one in alerts]),
        lambda: send(*[one | {"count": 3} for one in reversed(alerts)]),
        lambda: suppressions.let_in(written.pk, actor=analyst),
    )

    case = Case.objects.get()
    assert (case.alert_count, case.alerts.count()) == (10, 10)
    assert SuppressedAlert.objects.filter(let_in_at__isnull=True).count() == 0
    assert timeline.verify(case) is None
