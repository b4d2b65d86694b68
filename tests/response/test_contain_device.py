"""The last steps of the shipped contain-device.yaml: each answer to What next? does what it says, and only that."""

from uuid import uuid4

import pytest

from cases.models import Case
from response.choices import RunState, StepState
from response.models import Run
from response.services import decisions, drafts, runbooks, runs, shipped
from secops.models import User
from tests.response.conftest import World, say_yes, settle_down, step_of

FILE = shipped.FOLDER / "contain-device.yaml"


@pytest.fixture
def asked(world: World, case: Case, analyst: User, responder: User) -> Run:
    """The device is isolated, and the run waits for the answer; what no product here can do was gone past."""
    runbook = drafts.take(FILE.read_text(), FILE.name, actor=None)
    run = runs.start(runbooks.publish(runbook, actor=None).pk, case.pk, request_id=uuid4(), actor=analyst)
    settle_down()
    say_yes(step_of(run, "isolate"), responder)
    settle_down()
    assert [kind for kind, _, _ in world.effects] == ["isolate", "mail"]
    assert step_of(run, "next").state == StepState.WAITING
    return run


def answered(run: Run, choice: str, actor: User) -> tuple[str, str, str]:
    decisions.answer(step_of(run, "next").pk, choice, actor=actor)
    settle_down()
    return step_of(run, "release").state, step_of(run, "more").state, Run.objects.get(pk=run.pk).state


def test_a_false_alarm_gives_the_device_back_once_another_person_approves(
    asked: Run, world: World, analyst: User, responder: User
) -> None:
    said = answered(asked, "False alarm, release", analyst)
    assert said == (StepState.WAITING, StepState.SKIPPED, RunState.RUNNING)
    assert world.isolated == {"agent-FIN-LT-0142": "isolated"}

    say_yes(step_of(asked, "release"), responder)
    settle_down()

    assert step_of(asked, "release").state == StepState.SUCCEEDED
    assert world.isolated == {"agent-FIN-LT-0142": "released"}
    assert Run.objects.get(pk=asked.pk).state == RunState.SUCCEEDED


@pytest.mark.slow
def test_more_devices_are_a_step_for_a_person_and_this_one_stays_isolated(
    asked: Run, world: World, analyst: User
) -> None:
    said = answered(asked, "More devices to contain", analyst)

    assert said == (StepState.SKIPPED, StepState.WAITING, RunState.RUNNING)
    assert "from the case's page Hunts" in step_of(asked, "more").params["instructions"]
    assert world.isolated == {"agent-FIN-LT-0142": "isolated"}


@pytest.mark.slow
def test_handing_over_ends_the_run_and_the_device_stays_isolated(asked: Run, world: World, analyst: User) -> None:
    said = answered(asked, "Contained, hand over to eradication", analyst)

    assert said == (StepState.SKIPPED, StepState.SKIPPED, RunState.SUCCEEDED)
    assert world.isolated == {"agent-FIN-LT-0142": "isolated"}
