"""The queue is a doorbell: rung in the caller's transaction, and not when enough bells wait."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.tasks import task
from django.tasks.exceptions import InvalidTask
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signals import post_execute

from response.services import steps
from secops import taskqueue
from secops.models import Heartbeat
from secops.registry import duties

pytestmark = pytest.mark.django_db
ENOUGH = 2 * int(settings.Q_CLUSTER["workers"])  # type: ignore[call-overload]


@task(queue_name="enrichment")
def count_up(number: int) -> int:
    """Only for these tests."""
    return number + 1


@task(queue_name="enrichment", takes_context=True)
def wants_context(context: Any) -> None:
    """Only for these tests."""


@pytest.fixture
def backend() -> taskqueue.DjangoQBackend:
    return taskqueue.DjangoQBackend("default", {"QUEUES": list(taskqueue.QUEUES)})


@pytest.fixture
def duty() -> Iterator[list[int]]:
    """A duty of the enrichment queue that moves what the test puts in, one thing at a time."""
    left: list[int] = []
    duties.put("enrichment:test", lambda: left.pop() if left else 0)
    yield left
    duties._things.pop("enrichment:test")


def waiting(count: int, *, held: bool = False) -> None:
    lock = timezone.now() + timedelta(minutes=3 if held else -1)
    OrmQ.objects.bulk_create([OrmQ(key="response", payload="", lock=lock) for _ in range(count)])


def test_a_bell_is_rung_unless_enough_wait(enqueued: Callable[[], list[tuple[Any, ...]]]) -> None:
    waiting(ENOUGH - 1)
    assert taskqueue.ring("response")
    waiting(1)
    assert not taskqueue.ring("response")

    assert enqueued() == [("ring_response",)]


def test_bells_that_died_with_their_worker_do_not_count(enqueued: Callable[[], list[tuple[Any, ...]]]) -> None:
    waiting(ENOUGH * 3, held=True)

    assert taskqueue.visible("response") == 0
    assert taskqueue.ring("response")


def test_bells_of_the_other_queue_do_not_count(enqueued: Callable[[], list[tuple[Any, ...]]]) -> None:
    waiting(ENOUGH)

    assert taskqueue.ring("enrichment")


def test_a_message_is_there_only_if_its_transaction_was(backend: taskqueue.DjangoQBackend) -> None:
    with transaction.atomic():
        backend.enqueue(count_up, (1,), {})
        transaction.set_rollback(True)
    assert OrmQ.objects.count() == 0

    backend.enqueue(count_up, (1,), {})
    assert OrmQ.objects.get().key == "enrichment"


def test_a_message_holds_plain_json_only(backend: taskqueue.DjangoQBackend) -> None:
    with pytest.raises(TypeError):
        backend.enqueue(count_up, (object(),), {})
    assert OrmQ.objects.count() == 0


def test_a_task_that_wants_a_context_is_refused(backend: taskqueue.DjangoQBackend) -> None:
    with pytest.raises(InvalidTask):
        backend.enqueue(wants_context, (), {})


def test_a_worker_finds_the_task_by_its_name(duty: list[int]) -> None:
    duty += [1]

    taskqueue.run("secops.taskqueue.ring_enrichment", [], {})

    assert duty == []


@pytest.mark.parametrize("name", ["canary_response", "ring_response"])
def test_a_canary_or_a_bell_counts_when_its_message_is_written_off(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy cluster gives a sign too: its canary waits behind bells."""
    monkeypatch.setattr(taskqueue, "_heard_at", {})
    task = {"args": (f"secops.taskqueue.{name}", [], {}), "success": True}
    taskqueue.run(f"secops.taskqueue.{name}", [], {})
    assert not Heartbeat.objects.exists()

    post_execute.send(sender="django_q", task=task | {"success": False})
    assert not Heartbeat.objects.exists()

    post_execute.send(sender="django_q", task=task)
    assert [beat.name for beat in Heartbeat.objects.all()] == ["queue:response"]
    assert (settings.DATA_DIR / "alive" / "queue-response").exists()


def test_a_message_of_somebody_else_without_words_does_not_end_the_monitor() -> None:
    post_execute.send(sender="django_q", task={"args": (), "success": True})
    assert not Heartbeat.objects.exists()


def test_a_bell_does_all_that_is_due_for_its_queue_and_nothing_for_the_other(duty: list[int]) -> None:
    duty += [1, 1, 1]

    assert taskqueue.work("response") == 0
    assert taskqueue.work("enrichment") == 3
    assert duty == []


def test_a_bell_that_worked_long_enough_hands_over_to_the_next(
    duty: list[int], enqueued: Callable[[], list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    duty += [1, 1, 1]
    monkeypatch.setattr(taskqueue, "SHIFT_SECONDS", -1)

    assert taskqueue.work("enrichment") == 1
    assert enqueued() == [("ring_enrichment",)]


def test_a_worker_is_never_killed_while_its_last_step_may_still_be_sending() -> None:
    longest = taskqueue.SHIFT_SECONDS + steps.SHIFT_SECONDS + settings.LEASE_SECONDS

    assert longest < int(settings.Q_CLUSTER["timeout"])  # type: ignore[call-overload]


def test_the_queues_own_admin_pages_are_gone() -> None:
    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]
