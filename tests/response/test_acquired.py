"""What a run above has acquired of the device is not acquired again; a run that a person starts anew asks anew."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from cases.models import Case, Device, TimelineEntry
from response.choices import StepState
from response.models import Run, RunbookVersion, StepRun
from response.services import acquired, drafts, progress, runbooks, runs, shipped, transitions
from secops.models import User
from tests.cases.evidence.conftest import take
from tests.factories import make_device
from tests.response.conftest import World, begin, make_runbook, say_yes, settle_down, step_of

MEMORY = {
    "key": "memory",
    "action": "acquire_memory",
    "params": {"device": "${{ device.id }}"},
    "on_failure": "continue",
}
ONCE = MEMORY | {"when": "!('acquire_memory' in device.acquired)"}
CONTAIN = {
    "key": "contain",
    "action": "start_runbook",
    "params": {"runbook": "contain", "device": "${{ device.id }}"},
}


@pytest.fixture
def contain(world: World) -> RunbookVersion:
    return make_runbook(ONCE, slug="contain")


@pytest.fixture
def parent(contain: RunbookVersion, case: Case, analyst: User) -> Run:
    """It has the memory, and is about to start the other."""
    run = begin(case, analyst, MEMORY, CONTAIN | {"when": "steps.memory.state == 'succeeded'"})
    took(run, hours=1)
    return run


def took(run: Run, *, hours: float) -> None:
    if not run.case.evidence.exists():
        take(run.case, b"memory", actor=run.requested_by, kind="memory")
    StepRun.objects.filter(run=run, key="memory").update(
        state=StepState.SUCCEEDED, data={"evidence": ["E-1"]}, state_at=timezone.now() - timedelta(hours=hours)
    )


def child_of(run: Run) -> Run:
    with transaction.atomic():
        progress.advance(transitions.locked_run(run.pk))
    settle_down()
    return Run.objects.get(parent=run)


def test_a_child_run_does_not_acquire_it_again_and_says_who_has_it(parent: Run, case: Case) -> None:
    step = step_of(child_of(parent), "memory")
    assert step.state == StepState.SKIPPED
    assert f"Run {parent.pk} has it since " in step.reason
    assert step.reason.endswith(": E-1")
    told = TimelineEntry.objects.filter(case=case, text__startswith="Skipped: Acquire memory").get()
    assert f"Run {parent.pk} has it since " in told.text


def test_what_a_person_only_said_to_have_happened_is_acquired(parent: Run) -> None:
    StepRun.objects.filter(run=parent, key="memory").update(data={})
    assert step_of(child_of(parent), "memory").state != StepState.SKIPPED


def test_what_was_destroyed_is_acquired_again(parent: Run) -> None:
    parent.case.evidence.update(destroyed_at=timezone.now())
    assert step_of(child_of(parent), "memory").state != StepState.SKIPPED


def test_what_is_old_is_acquired_again(parent: Run) -> None:
    took(parent, hours=13)
    assert step_of(child_of(parent), "memory").state != StepState.SKIPPED


def test_another_device_has_nothing_yet(parent: Run, case: Case, device: Device) -> None:
    child = child_of(parent)
    assert list(acquired.of(child, device.pk)) == ["acquire_memory"]
    assert acquired.of(child, make_device("FIN-LT-0150").pk) == {}


def test_a_run_that_a_person_starts_has_nothing_above_it(
    parent: Run, contain: RunbookVersion, case: Case, analyst: User
) -> None:
    anew = runs.start(contain.pk, case.pk, request_id=uuid4(), actor=analyst)
    settle_down()
    assert step_of(anew, "memory").state != StepState.SKIPPED


@pytest.mark.parametrize("key", [pytest.param("memory", marks=pytest.mark.slow), "triage"])
def test_the_shipped_containment_asks_it(
    world: World, case: Case, device: Device, analyst: User, responder: User, key: str
) -> None:
    path = shipped.FOLDER / "contain-device.yaml"
    runbooks.publish(drafts.take(path.read_text(), path.name, actor=None), actor=None)
    start: dict[str, Any] = CONTAIN | {"params": {"runbook": "contain-device", "device": str(device.pk)}}
    first = {"key": key, "action": f"acquire_{key}", "params": MEMORY["params"], "on_failure": "continue"}
    run = begin(case, analyst, first, start | {"when": f"steps.{key}.state == 'succeeded'"})
    take(case, b"it", actor=analyst, kind="memory")
    StepRun.objects.filter(run=run, key=key).update(state=StepState.SUCCEEDED, data={"evidence": ["E-1"]})

    child = child_of(run)
    say_yes(step_of(child, "isolate"), responder)
    settle_down()

    assert step_of(child, key).reason.endswith(": E-1")


def test_what_only_read_is_done_and_not_confirmed(world: World, case: Case, analyst: User, client: Any) -> None:
    ask = {"key": "confirm", "action": "confirm_device", "params": {"device": "${{ device.id }}"}}
    run = begin(case, analyst, ask)
    settle_down()
    assert step_of(run, "confirm").state == StepState.SUCCEEDED
    client.force_login(analyst)
    page = client.get(reverse("response:run", args=[run.pk])).content.decode()
    assert ">Done</span>" in page
    assert ">Confirmed</span>" not in page
