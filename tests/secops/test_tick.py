"""The clock does the quick duties, sends canaries, and outlives a database that is away."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from secops import tick
from secops.models import Heartbeat
from secops.registry import due_counts, duties

pytestmark = pytest.mark.django_db(transaction=True)  # the clock lets go of old connections
NEXT = datetime(2126, 3, 10, 14, 12, tzinfo=UTC)
type Enqueued = Callable[[], list[tuple[Any, ...]]]


@pytest.fixture
def duty() -> Iterator[list[Any]]:
    """A duty of the clock: moves the numbers that the test puts in, raises the exceptions."""
    left: list[Any] = []

    def work() -> int:
        found = left.pop(0) if left else 0
        if isinstance(found, Exception):
            raise found
        return int(found)

    duties.put("tick:test", work)
    yield left
    duties._things.pop("tick:test")


@pytest.fixture
def due() -> Iterator[dict[str, Any]]:
    counts: dict[str, Any] = {}
    due_counts.put("test", lambda: dict(counts))
    yield counts
    due_counts._things.pop("test")


def test_a_round_does_the_quick_duties_and_notes_that_the_clock_lives(duty: list[Any], enqueued: Enqueued) -> None:
    duty += [2]

    assert tick.Clock().tick() == 2
    assert Heartbeat.objects.get(name="tick").beat_at is not None


def test_canaries_go_out_every_ten_seconds_not_every_round(enqueued: Enqueued) -> None:
    clock = tick.Clock()
    clock.tick()
    clock.tick()

    assert sorted(enqueued()) == [("canary_enrichment",), ("canary_response",)]


def test_a_queue_that_nobody_empties_gets_no_more_canaries(enqueued: Enqueued) -> None:
    lock = timezone.now() - timedelta(minutes=1)
    OrmQ.objects.bulk_create([OrmQ(key="response", payload="", lock=lock) for _ in range(20)])

    tick.Clock().tick()

    assert enqueued() == [("canary_enrichment",)]


def test_a_database_that_is_away_does_not_end_the_clock(duty: list[Any], enqueued: Enqueued) -> None:
    duty += [OperationalError("gone"), InterfaceError("the connection is closed"), 1]
    clock = tick.Clock()

    assert clock.tick() == 0
    assert clock.tick() == 0
    assert clock.tick() == 1


def test_draining_goes_on_until_nothing_is_due(duty: list[Any]) -> None:
    duty += [2, 1]
    out = StringIO()

    call_command("drain", stdout=out)

    assert out.getvalue() == "Moved 3. Left: nothing.\n"


def test_draining_says_what_is_left_and_when_without_waiting_for_it(due: dict[str, Any]) -> None:
    due |= {"approvals waiting": 2, "lookups": 0, "next_at": NEXT}
    out = StringIO()

    call_command("drain", stdout=out)

    assert out.getvalue() == "Moved 0. Left: 2 approvals waiting, next at 14:12:00 UTC.\n"


@pytest.mark.slow
def test_draining_waits_for_what_comes_due_within_the_given_time(duty: list[Any], due: dict[str, Any]) -> None:
    due |= {"next_at": timezone.now() + timedelta(seconds=0.1)}
    duty += [0, 1]
    out = StringIO()

    call_command("drain", "--wait", "1.5", stdout=out)

    assert out.getvalue().startswith("Moved 1.")
