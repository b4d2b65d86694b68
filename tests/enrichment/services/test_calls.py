"""Calls to sources: who has room is asked at once, nobody more than it allows, and "too many" stops the rest."""

from threading import Barrier, Lock
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from enrichment.choices import LookupState
from enrichment.models import Lookup
from enrichment.services import calls
from enrichment.services.calls import Call, Calls, Outcome
from enrichment.services.claims import claim
from secops import integrations
from secops.models import Integration


def call(number: int, source: int, concurrency: int) -> Call:
    return Call(
        lookup=Lookup(pk=number),
        connector=SimpleNamespace(concurrency=concurrency),  # type: ignore[arg-type]
        source=Integration(pk=source),
    )


def all_answers(desk: Calls) -> list[tuple[int, Outcome]]:
    found = []
    while desk:
        found += [(one.lookup.pk, outcome) for one, outcome in desk.answers()]
    return found


def test_every_call_is_answered_and_no_source_is_asked_more_at_once_than_it_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock, now, most = Lock(), {1: 0, 2: 0}, {1: 0, 2: 0}

    def ask(lookup: Lookup, connector: Any) -> Outcome:
        source = 1 if lookup.pk < 100 else 2
        with lock:
            now[source] += 1
            most[source] = max(most[source], now[source])
        sleep(0.005)
        with lock:
            now[source] -= 1
        return Outcome(LookupState.NO_DATA)

    monkeypatch.setattr(calls, "ask", ask)
    with Calls() as desk:
        desk.add(call(number, 1, 2) for number in range(20))
        desk.add(call(100 + number, 2, 5) for number in range(20))
        found = all_answers(desk)
    assert sorted(number for number, _ in found) == [*range(20), *range(100, 120)]
    assert most[1] <= 2
    assert most[2] <= 5


def test_a_slow_source_does_not_keep_another_ones_calls_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Barrier(2, timeout=20)  # is passed only when both sources are asked at the same time

    def ask(lookup: Lookup, connector: Any) -> Outcome:
        both.wait()
        return Outcome(LookupState.NO_DATA)

    monkeypatch.setattr(calls, "ask", ask)
    with Calls() as desk:
        desk.add([call(1, 1, 1), call(2, 1, 1), call(3, 2, 1), call(4, 2, 1)])
        assert len(all_answers(desk)) == 4


def test_what_waits_for_a_source_that_says_too_many_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(lookup: Lookup, connector: Any) -> Outcome:
        asked.append(lookup.pk)
        if lookup.pk == 1:
            return Outcome(LookupState.DUE, retry_after=60, is_attempt=False)
        return Outcome(LookupState.NO_DATA)

    monkeypatch.setattr(calls, "ask", ask)
    with Calls() as desk:
        desk.add([call(1, 1, 1), call(2, 1, 1), call(3, 1, 1), call(4, 2, 1)])
        found = dict(all_answers(desk))
    assert sorted(asked) == [1, 4]
    assert [found[number].retry_after for number in (1, 2, 3)] == [60, 60, 60]


def test_a_source_that_said_too_many_is_named_until_its_answer_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    later = Outcome(LookupState.DUE, retry_after=60, is_attempt=False)
    monkeypatch.setattr(calls, "ask", lambda *_: later)
    with Calls() as desk:
        desk.add([call(1, 7, 1)])
        for _ in range(200):
            if desk.limited():
                break
            sleep(0.01)
        assert desk.limited() == {7}
        assert len(desk.answers()) == 1
        assert desk.limited() == set()


def test_a_thread_that_breaks_still_answers(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def ask(lookup: Lookup, connector: Any) -> Outcome:
        raise SystemExit

    monkeypatch.setattr(calls, "ask", ask)
    with Calls() as desk:
        desk.add([call(1, 1, 1), call(2, 1, 1)])
        assert [outcome.state for _, outcome in all_answers(desk)] == [LookupState.FAILED, LookupState.FAILED]
    assert "Lookup 1 crashed" in caplog.text


def test_leaving_early_sends_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(lookup: Lookup, connector: Any) -> Outcome:
        asked.append(lookup.pk)
        sleep(0.05)
        return Outcome(LookupState.NO_DATA)

    monkeypatch.setattr(calls, "ask", ask)
    with Calls() as desk:
        desk.add(call(number, 1, 1) for number in range(10))
    sleep(0.2)
    assert len(asked) <= 1


@pytest.mark.django_db(transaction=True)
def test_a_source_with_a_long_backlog_hides_no_other() -> None:
    Integration.objects.all().delete()
    busy, quiet = (integrations.add("iptocc", name, {}) for name in ("Busy", "Quiet"))
    rows = [(busy, number) for number in range(30)] + [(quiet, 99)]
    for source, number in rows:
        Lookup.objects.create(
            question="address_place",
            integration=source,
            connector_name=source.name,
            subject_kind="address",
            subject={},
            subject_key=f"{number}",
            bucket="",
            tlp=2,
            created_at=timezone.now(),
        )
    found = claim({busy: 3, quiet: 3})
    assert (len(found[busy.pk]), len(found[quiet.pk])) == (3, 1)
    assert Lookup.objects.filter(state=LookupState.CLAIMED).count() == 4
    assert all(row.token == row.attempts == 1 for rows in found.values() for row in rows)
