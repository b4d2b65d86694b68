"""Work that takes minutes or hours: polled, shown, given up, never waited for, and never said not to have happened."""

from datetime import timedelta
from typing import Any

import pytest
from django import forms
from django.utils import timezone

from cases.models import Case, TimelineEntry
from response.actions.base import Action, Call, Done, Poll, Work, actions
from response.choices import Effect, Outcome, Phase, Risk, RunState, StepState
from response.errors import ActionError
from response.models import Attempt, StepRun
from response.services import mandates, polling, recovery, runs, steps
from response.services.invariants import broken
from response.views.long_work import progress_of
from secops.connectors.capabilities.errors import SourceLimited
from secops.errors import SecopsError
from secops.models import User
from tests.response.conftest import ASK, MAIL, World, begin, make_due, step_of

SAID: list[Poll | BaseException] = []
ABANDONED: list[str] = []
STARTS: list[str] = []


class CopyAll(Action):
    slug = "test_copy"
    label = "Copy it all"
    given_up = "the product was told to end it"
    phase = Phase.CONTAINMENT
    risk = Risk.READ
    effect = Effect.KEYED
    is_noticeable = False

    class Params(forms.Form):
        pass

    def do(self, call: Call) -> Done:
        STARTS.append(call.key)
        return Done(text="The copy began", handle="job-1", is_polled=True)

    def poll(self, call: Call) -> Poll:
        assert call.handle == "job-1"
        said = SAID.pop(0)
        if isinstance(said, BaseException):
            raise said
        return said

    def abandon(self, call: Call) -> None:
        ABANDONED.append(call.handle)


COPY = {"key": "copy", "action": "test_copy"}


@pytest.fixture(autouse=True)
def copying(monkeypatch: pytest.MonkeyPatch) -> None:
    for heap in (SAID, ABANDONED, STARTS):
        heap.clear()
    monkeypatch.setitem(actions._plugins, CopyAll.slug, CopyAll)


def going_on(**more: Any) -> Poll:
    return Poll(work=Work.GOING_ON, text="Block 7", **more)


def begun(case: Case, analyst: User) -> StepRun:
    run = begin(case, analyst, COPY)
    assert steps.work_once()
    step = step_of(run, "copy")
    assert step.state == StepState.POLLING
    return step


def poll_now(step: StepRun) -> StepRun:
    make_due()
    assert polling.poll_one()
    step.refresh_from_db()
    return step


def test_long_work_goes_on_from_poll_to_poll_and_is_confirmed_once(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    SAID.extend(
        [going_on(done_bytes=3_000, total_bytes=9_000, data={"page": 2}), Poll(work=Work.DONE, text="All here")]
    )
    step = poll_now(step)
    assert (step.state, step.done_bytes, step.total_bytes, step.reason) == (StepState.POLLING, 3_000, 9_000, "Block 7")
    step = poll_now(step)
    assert (step.state, step.result, step.data["page"]) == (StepState.SUCCEEDED, "All here", 2)
    assert Attempt.objects.get(step=step).outcome == Outcome.OK
    assert len(STARTS) == 1
    assert broken() == {}


def test_a_poll_takes_nobody_s_time_while_none_is_due(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    SAID.append(going_on(again_seconds=40))
    step = poll_now(step)
    assert step.not_before is not None
    assert 30 < (step.not_before - timezone.now()).total_seconds() <= 40
    assert not polling.poll_one()
    assert not recovery.tick()


def test_a_product_that_cannot_be_read_is_asked_again_ever_later_and_not_believed_dead(
    case: Case, analyst: User
) -> None:
    step = begun(case, analyst)
    waits = []
    for _ in range(8):
        SAID.append(SecopsError("the console does not answer"))
        step = poll_now(step)
        assert step.not_before is not None
        waits.append(round((step.not_before - timezone.now()).total_seconds()))
    assert step.state == StepState.POLLING
    assert waits == sorted(waits)
    assert 55 < waits[-1] <= polling.LONGEST_WAIT_SECONDS
    SAID.append(Poll(work=Work.DONE, text="All here"))
    assert poll_now(step).state == StepState.SUCCEEDED


def test_a_product_that_says_later_is_asked_then(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    SAID.append(SourceLimited("10 calls a minute", 25))
    step = poll_now(step)
    assert step.not_before is not None
    assert 20 < (step.not_before - timezone.now()).total_seconds() <= 25


@pytest.mark.parametrize("said", [Poll(work=Work.FAILED, text="Disk gone"), ActionError("Disk gone")])
def test_work_that_failed_for_good_fails_its_step_and_leaves_no_doubt(
    case: Case, analyst: User, said: Poll | Exception
) -> None:
    step = begun(case, analyst)
    SAID.append(said)
    step = poll_now(step)
    assert (step.state, step.reason) == (StepState.FAILED, "Disk gone")
    assert step.run.state == RunState.FAILED
    assert broken() == {}


def test_work_of_a_run_that_was_cancelled_is_ended_at_the_product_too(
    case: Case, analyst: User, responder: User
) -> None:
    step = begun(case, analyst)
    run = runs.cancel(step.run_id, actor=responder)
    assert "1 step(s) were already sent" in run.state_reason
    step = poll_now(step)
    assert step.state == StepState.CANCELLED
    assert ABANDONED == ["job-1"]
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert broken() == {}


def test_work_without_a_mandate_is_ended_once_its_case_is_covert(
    case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CopyAll, "needs_mandate", True)
    step = begun(case, analyst)
    SAID.append(going_on())
    assert poll_now(step).state == StepState.POLLING
    Case.objects.filter(pk=case.pk).update(is_restricted=True, is_covert=True)

    step = poll_now(step)

    assert (step.state, mandates.MISSING in step.reason) == (StepState.FAILED, True)
    assert ABANDONED == ["job-1"]
    assert broken() == {}


def overdue(step: StepRun, seconds: float = 1) -> None:
    StepRun.objects.filter(pk=step.pk).update(deadline=timezone.now() - timedelta(seconds=seconds))


def test_work_past_its_time_is_ended_at_the_product_and_what_waits_for_it_goes_on(case: Case, analyst: User) -> None:
    run = begin(case, analyst, COPY | {"on_failure": "continue"}, ASK | {"needs": ["copy"]})
    assert steps.work_once()
    step = step_of(run, "copy")
    overdue(step)
    recovery.tick()
    SAID.append(going_on())
    step = poll_now(step)
    assert (step.state, step.reason) == (StepState.FAILED, f"Not finished in time, and {CopyAll.given_up}. Block 7")
    assert ABANDONED == ["job-1"]
    assert step_of(run, "next").state == StepState.WAITING
    assert broken() == {}


def test_work_in_doubt_does_not_hold_back_what_waits_for_it(case: Case, analyst: User) -> None:
    run = begin(case, analyst, COPY | {"on_failure": "continue"}, ASK | {"needs": ["copy"]})
    assert steps.work_once()
    step = step_of(run, "copy")
    overdue(step, recovery.SILENT_SECONDS + 1)
    recovery.tick()
    step.refresh_from_db()
    assert step.state == StepState.UNKNOWN
    assert step_of(run, "next").state == StepState.WAITING
    run.refresh_from_db()
    assert not run.is_ended


def test_a_step_that_is_due_goes_before_a_poll(case: Case, analyst: User, world: World) -> None:
    begun(case, analyst)
    tell = begin(case, analyst, MAIL)
    make_due()
    assert steps.work_once()  # SAID is empty: a poll would raise
    assert step_of(tell, "tell").state == StepState.SUCCEEDED


def test_work_that_ends_just_in_time_counts(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    overdue(step)
    SAID.append(Poll(work=Work.DONE, text="All here"))
    assert poll_now(step).state == StepState.SUCCEEDED


def test_work_past_its_time_at_a_silent_product_may_go_on_there(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    overdue(step, recovery.SILENT_SECONDS + 1)
    recovery.tick()
    step.refresh_from_db()
    assert step.state == StepState.UNKNOWN
    assert "Not confirmed in time" in step.reason


def test_the_last_poll_is_at_the_deadline(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    StepRun.objects.filter(pk=step.pk).update(deadline=timezone.now() + timedelta(seconds=10))
    SAID.append(going_on(again_seconds=60))
    step = poll_now(step)
    assert step.not_before == step.deadline


def test_a_poll_is_taken_by_one_worker(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    make_due()
    StepRun.objects.filter(pk=step.pk).update(not_before=timezone.now() + timedelta(seconds=60))  # another one took it
    assert not polling.poll_one()


def test_a_worker_that_dies_in_a_poll_leaves_it_to_the_next(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    SAID.append(KeyboardInterrupt())
    make_due()
    with pytest.raises(KeyboardInterrupt):
        polling.poll_one()
    step.refresh_from_db()
    assert step.state == StepState.POLLING
    SAID.append(Poll(work=Work.DONE, text="All here"))
    assert poll_now(step).state == StepState.SUCCEEDED


def test_the_tick_rings_for_a_poll_that_is_due(case: Case, analyst: User) -> None:
    begun(case, analyst)
    make_due()
    assert recovery.is_overdue(0)
    assert recovery.due_counts()["steps"] == 1


def test_progress_is_said_in_bytes_speed_and_time_left(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    step.state_at = timezone.now() - timedelta(seconds=100)
    progress = progress_of(step)
    assert progress is not None
    assert progress.total is None
    assert progress.text.startswith("For 1 m")
    step.done_bytes, step.total_bytes = 6_400_000_000, 477_000_000_000
    progress = progress_of(step)
    assert progress is not None
    assert (progress.done, progress.total) == (6_400_000_000, 477_000_000_000)
    assert "6.4 GB of 477 GB" in progress.text
    assert "64.0 MB/s" in progress.text
    assert "2 h" in progress.text


def test_the_case_tells_that_it_began_and_what_came_of_it(case: Case, analyst: User) -> None:
    step = begun(case, analyst)
    SAID.append(Poll(work=Work.DONE, text="All here"))
    poll_now(step)
    told = list(TimelineEntry.objects.filter(case=case).values_list("text", flat=True))
    assert "Started: Copy it all. The copy began" in told
    assert "Confirmed: All here" in told
