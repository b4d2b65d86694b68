"""A step that no worker takes is noticed by the clock, which has it carried out itself."""

from datetime import timedelta

from django.db.models import F

from cases.models import Case
from response.models import StepRun
from response.services import recovery, steps
from secops.models import User
from tests.response.conftest import World, begin, step_of

CONFIRM = {"key": "confirm", "action": "confirm_device", "params": {"device": "${{ device.id }}"}}


def _age(seconds: float) -> None:
    StepRun.objects.update(state_at=F("state_at") - timedelta(seconds=seconds))


def test_a_step_that_became_due_just_now_is_left_to_the_cluster(world: World, case: Case, analyst: User) -> None:
    begin(case, analyst, CONFIRM)

    assert not recovery.is_overdue(4)


def test_a_step_that_nobody_takes_is_overdue_until_it_is_done(world: World, case: Case, analyst: User) -> None:
    run = begin(case, analyst, CONFIRM)
    _age(5)

    assert recovery.is_overdue(4)
    steps.work()
    assert not recovery.is_overdue(4)
    assert step_of(run, "confirm").state == "succeeded"
