"""Steps that wait for a time, or for a person's hands."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from response.actions.base import actions
from response.choices import RunState, StepState
from response.errors import ActionError, ApprovalError, TransitionError
from response.models import Run
from response.services import checks, decisions, drafts, invariants, recovery, runs, steps
from tests.response.conftest import MAIL, begin, make_due, settle_down, step_of

WAIT = {"key": "pause", "action": "wait", "params": {"seconds": 7_200}}
BY_HAND = {
    "key": "hand",
    "action": "manual_step",
    "params": {"instructions": "Pull the cable\nTell the owner"},
}


def test_nothing_follows_until_the_time_is_over_and_no_worker_sleeps(client, world, case, analyst):
    run = begin(case, analyst, WAIT, MAIL)
    before = Run.objects.get().started_at

    assert steps.work() == 0
    step = step_of(run, "pause")
    assert (step.state, step.approvals_needed) == (StepState.READY, 0)
    assert 7_100 < (step.not_before - timezone.now()).total_seconds() <= 7_200
    assert step.deadline > step.not_before
    assert Run.objects.get().deadline > before + timedelta(hours=3)
    client.force_login(analyst)
    text = client.get(reverse("response:panel", args=[case.pk])).content.decode()
    assert "Waits until" in text
    assert "every 2s" not in text
    recovery.tick()
    assert world.mails == []

    settle_down()

    run.refresh_from_db()
    assert step_of(run, "pause").result == "Waited 7200 seconds"
    assert (len(world.mails), run.state) == (1, RunState.SUCCEEDED)
    assert invariants.broken() == {}


def test_a_stopped_run_does_not_wait(world, case, analyst, responder):
    run = begin(case, analyst, WAIT, MAIL)

    runs.stop(run.pk, reason="not needed", actor=responder)

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED


def test_a_paused_run_goes_on_after_its_time_only_when_resumed(world, case, analyst, responder):
    run = begin(case, analyst, WAIT)
    runs.pause(run.pk, actor=responder)
    make_due()
    assert steps.work() == 0

    runs.resume(run.pk, actor=responder)
    steps.work()

    assert step_of(run, "pause").state == StepState.SUCCEEDED


@pytest.mark.parametrize(
    ("until", "day", "hour"), [("23:30", 27, 23), ("06:30", 28, 6), ("22:00", 28, 22)], ids=["today", "next", "now"]
)
def test_until_a_time_of_the_day_means_the_next_one(until, day, hour):
    at = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)

    due = actions["wait"]().due_at({"seconds": None, "until": until}, at)

    assert (due.day, due.hour) == (day, hour)


@pytest.mark.parametrize("params", [{}, {"seconds": 5, "until": "06:30"}])
def test_it_waits_for_one_thing(params):
    with pytest.raises(ActionError, match="either for how many seconds"):
        actions["wait"].clean(params)
    step = {"key": "pause", "action": "wait", "params": params}
    (problem,) = checks.problems_of(drafts.steps_of({"steps": [step]}))
    assert str(problem).startswith("Step 1, Parameters: Say either")


def test_a_person_does_it_by_hand_and_says_so(client, world, case, analyst):
    run = begin(case, analyst, BY_HAND, MAIL)
    client.force_login(analyst)
    text = client.get(reverse("response:panel", args=[case.pk])).content.decode()
    assert "<li>Pull the cable</li><li>Tell the owner</li>" in text
    assert "Could not" in text

    client.post(
        reverse("response:answer", args=[step_of(run, "hand").pk]), {"choice": "Done", "note": "cable 7 of rack B"}
    )
    settle_down()

    assert step_of(run, "hand").result == "Done by Ada Lind: “cable 7 of rack B”"
    assert len(world.mails) == 1
    assert invariants.broken() == {}


def test_who_could_not_says_why_and_the_step_has_failed(world, case, analyst):
    run = begin(case, analyst, BY_HAND, MAIL)
    with pytest.raises(ApprovalError, match="Write a reason"):
        decisions.answer(step_of(run, "hand").pk, "Could not", actor=analyst)
    with pytest.raises(TransitionError, match="choices"):
        decisions.answer(step_of(run, "hand").pk, "Perhaps", actor=analyst)

    decisions.answer(step_of(run, "hand").pk, "Could not", note="the door is locked", actor=analyst)
    settle_down()

    step = step_of(run, "hand")
    assert (step.state, step.reason) == (StepState.FAILED, "Ada Lind could not do it: “the door is locked”")
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert world.mails == []
