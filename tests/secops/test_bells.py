"""A ring wakes who waits at once, also one that came before; nobody there is no error; without one time runs out."""

from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from time import monotonic

import pytest
from django.db import transaction
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from secops import bells
from secops.taskqueue import ring_response


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    settings.DATA_DIR = tmp_path
    bells._opened.cache_clear()
    yield tmp_path
    bells._opened.cache_clear()


def test_a_ring_wakes_who_waits() -> None:
    assert not bells.wait("response", 0)
    begin = monotonic()
    Timer(0.1, bells.ring, ["response"]).start()
    assert bells.wait("response", 30)
    assert monotonic() - begin < 15


def test_rings_that_came_before_are_heard_once() -> None:
    bells.wait("response", 0)
    for _ in range(3):
        bells.ring("response")
    assert bells.wait("response", 0)
    assert not bells.wait("response", 0)


def test_a_queue_hears_only_its_own_bell() -> None:
    bells.wait("response", 0)
    bells.wait("enrichment", 0)
    bells.ring("enrichment")
    assert not bells.wait("response", 0)
    assert bells.wait("enrichment", 0)


def test_nobody_there_and_a_full_pipe_are_no_errors(folder: Path) -> None:
    bells.ring("response")
    assert not (folder / "bells").exists()
    bells.wait("response", 0)
    for _ in range(70_000):
        bells.ring("response")
    assert bells.wait("response", 0)


def test_the_pipe_is_nobody_elses(folder: Path) -> None:
    bells.wait("response", 0)
    assert (folder / "bells" / "response").stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db(transaction=True)
def test_a_message_rings_when_it_is_committed_and_not_before(settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": "secops.taskqueue.DjangoQBackend", "QUEUES": ["response", "enrichment"]}}
    bells.wait("response", 0)
    with transaction.atomic():
        ring_response.enqueue()
        assert not bells.wait("response", 0)
    assert bells.wait("response", 0)
    with transaction.atomic():
        ring_response.enqueue()
        transaction.set_rollback(True)
    assert not bells.wait("response", 0)


def test_where_there_can_be_no_pipe_one_waits_without(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "bells").mkdir()
    (folder / "bells" / "response").write_text("restored by a tool that knows no pipes")
    begin = monotonic()
    assert not bells.wait("response", 0.1)
    assert monotonic() - begin >= 0.1
    bells.ring("response")
    assert "There is no bell" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_ring_outside_of_a_transaction_comes_after_its_message(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TASKS = {"default": {"BACKEND": "secops.taskqueue.DjangoQBackend", "QUEUES": ["response", "enrichment"]}}
    seen: list[int] = []
    monkeypatch.setattr(bells, "ring", lambda queue: seen.append(OrmQ.objects.count()))
    ring_response.enqueue()
    assert seen == [1]
