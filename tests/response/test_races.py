"""Two at once, each on a connection of its own."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from response.choices import StepState
from response.models import Run, StepChange, StepRun
from response.services import approvals, invariants, recovery, runs, steps
from secops.errors import SecopsError
from tests.factories import make_user
from tests.racing import at_once
from tests.response.conftest import ISOLATE, MAIL, begin, make_runbook, settle_down, step_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_drains_on_one_step_have_one_effect(world, case, analyst):
    run = begin(case, analyst, MAIL)

    at_once(*[steps.work] * 8)
    settle_down()

    assert len(world.effects) == 1
    assert step_of(run, "tell").state == StepState.SUCCEEDED
    assert invariants.broken() == {}


def test_two_approvers_at_once_make_one_transition(world, case, analyst):
    step = step_of(begin(case, analyst, ISOLATE), "isolate")
    people = [make_user(f"approver{number}", ["approver"]) for number in range(2)]

    said = at_once(
        *[lambda user=user: approvals.approve(step.pk, params_sha256=step.params_sha256, actor=user) for user in people]
    )

    assert sum(isinstance(one, SecopsError) for one in said) == 1
    assert StepChange.objects.filter(step=step, new=StepState.READY).count() == 1


def test_eight_submits_of_one_form_start_one_run(world, case, analyst):
    version, request_id = make_runbook(MAIL), uuid4()

    said = at_once(*[lambda: runs.start(version.pk, case.pk, request_id=request_id, actor=analyst)] * 8)

    assert {one.pk for one in said} == {Run.objects.get().pk}


@pytest.mark.parametrize("number", range(10))
def test_a_cancel_at_the_moment_of_the_intent_is_before_it_or_after_it(world, case, analyst, number):
    run = begin(case, analyst, MAIL)

    at_once(steps.work, lambda: runs.cancel(run.pk, actor=analyst))
    settle_down()

    assert invariants.broken() == {}
    step = StepRun.objects.get(run=run)
    assert (step.state == StepState.SUCCEEDED) == (len(world.effects) == 1)


def test_two_isolations_of_one_device_at_once_are_one_at_a_time(world, case, analyst, responder):
    for run in (begin(case, analyst, ISOLATE), begin(case, analyst, ISOLATE)):
        step = step_of(run, "isolate")
        approvals.approve(step.pk, params_sha256=step.params_sha256, actor=responder)
    world.reads = ["pending_isolate"] * 4

    at_once(*[steps.work_once] * 4)

    assert len(world.effects) == 1


def test_two_ticks_at_once_expire_a_step_once(world, case, analyst):
    run = begin(case, analyst, ISOLATE)
    StepRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))

    at_once(recovery.tick, recovery.tick)

    assert StepChange.objects.filter(step=step_of(run, "isolate"), new=StepState.EXPIRED).count() == 1
