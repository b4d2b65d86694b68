"""A hunt's hits are answered by runs of their own: one for each device, once, and never in a loop."""

import itertools
from typing import Any
from uuid import uuid4

import pytest

from cases.choices import DeviceReason
from cases.models import Case, CaseDevice, Device, TimelineEntry
from response.choices import RunState, StepState
from response.models import Run, RunbookVersion, StepRun
from response.services import approvals, children, outflow, runs
from response.services.invariants import broken
from secops.models import User
from tests.factories import make_device
from tests.response.conftest import ISOLATE, World, begin, make_runbook, say_yes, settle_down, step_of

HUNTED = {
    "key": "contain_hits",
    "action": "start_runbook",
    "for_each": "[{'device_id': 2}]",
    "params": {"runbook": "contain", "device": "${{ item.device_id }}"},
}


@pytest.fixture
def hit(case: Case) -> Device:
    device = make_device("FIN-LT-0150")
    CaseDevice.objects.create(case=case, device=device, reason=DeviceReason.HUNT)
    return device


@pytest.fixture
def contain(world: World) -> RunbookVersion:
    return make_runbook(ISOLATE, slug="contain")


def start_step(device: Device, slug: str = "contain") -> dict[str, Any]:
    return {"key": "answer", "action": "start_runbook", "params": {"runbook": slug, "device": str(device.pk)}}


def test_a_child_run_acts_on_its_own_device_and_is_linked(
    case: Case, analyst: User, responder: User, hit: Device, contain: RunbookVersion, world: World
) -> None:
    parent = begin(case, analyst, start_step(hit))
    settle_down()
    child = Run.objects.get(parent=parent)
    assert (child.device, child.case, child.requested_by) == (hit, case, analyst)
    assert step_of(parent, "answer").data["run"] == child.pk
    isolate = step_of(child, "isolate")
    assert isolate.state == StepState.WAITING  # it asks for its own approval
    assert isolate.target == f"device:{hit.pk}"
    say_yes(isolate, responder)
    settle_down()
    assert world.isolated == {hit.agent_id: "isolated"}
    child.refresh_from_db()
    assert child.state == RunState.SUCCEEDED
    assert f"Started {contain} for FIN-LT-0150, as run {child.pk}" in told(case)
    assert broken() == {}


def test_a_list_of_hits_starts_one_run_each(
    case: Case, analyst: User, hit: Device, contain: RunbookVersion, world: World
) -> None:
    other = make_device("FIN-LT-0151")
    CaseDevice.objects.create(case=case, device=other, reason=DeviceReason.HUNT)
    begin(case, analyst, HUNTED | {"for_each": f"[{{'device_id': {hit.pk}}}, {{'device_id': {other.pk}}}]"})
    settle_down()
    assert set(Run.objects.filter(parent__isnull=False).values_list("device_id", flat=True)) == {hit.pk, other.pk}


def test_more_hits_than_the_cap_wait_for_a_person(
    case: Case, analyst: User, hit: Device, contain: RunbookVersion, world: World
) -> None:
    parent = begin(case, analyst, HUNTED | {"for_each": f"[{{'device_id': {hit.pk}}}]", "cap": 0})
    settle_down()
    assert step_of(parent, "contain_hits").state == StepState.WAITING
    assert not Run.objects.filter(parent=parent).exists()


def test_a_device_that_has_such_a_run_gets_no_second_one(
    case: Case, analyst: User, hit: Device, contain: RunbookVersion, world: World
) -> None:
    begin(case, analyst, start_step(hit))
    settle_down()
    again = begin(case, analyst, start_step(hit))
    settle_down()
    child = Run.objects.get(parent__isnull=False)
    assert step_of(again, "answer").data["run"] == child.pk
    assert any("so no second one starts" in text for text in told(case))


@pytest.mark.slow
def test_a_device_whose_isolation_never_happened_is_answered_again(
    case: Case, analyst: User, responder: User, hit: Device, world: World
) -> None:
    make_runbook(ISOLATE | {"on_failure": "continue"}, slug="contain")
    begin(case, analyst, start_step(hit))
    settle_down()
    first = Run.objects.get(parent__isnull=False)
    approvals.reject(step_of(first, "isolate").pk, reason="Not at night", actor=responder)
    first.refresh_from_db()
    assert first.state == RunState.SUCCEEDED
    again = begin(case, analyst, start_step(hit))
    settle_down()
    second = Run.objects.filter(parent__isnull=False).latest("pk")
    assert second.pk != first.pk
    assert step_of(again, "answer").result.endswith(f"as run {second.pk}")
    say_yes(step_of(second, "isolate"), responder)
    settle_down()
    third = begin(case, analyst, start_step(hit))
    settle_down()
    assert step_of(third, "answer").data["run"] == second.pk  # contained now


def test_the_first_device_counts_too(
    case: Case, analyst: User, device: Device, contain: RunbookVersion, world: World
) -> None:
    first = runs.start(contain.pk, case.pk, request_id=uuid4(), actor=analyst)
    parent = begin(case, analyst, start_step(device))
    settle_down()
    assert step_of(parent, "answer").data["run"] == first.pk


def test_a_runbook_that_starts_itself_for_what_it_finds_ends(case: Case, analyst: User, world: World) -> None:
    """Each run finds the next device; a child of a child starts none."""
    devices = [make_device(f"FIN-LT-02{number:02}") for number in range(5)]
    for device in devices:
        CaseDevice.objects.create(case=case, device=device, reason=DeviceReason.HUNT)
    follow = " : ".join(f"device.id == {one.pk} ? {two.pk}" for one, two in itertools.pairwise(devices))
    step = {
        "key": "answer",
        "action": "start_runbook",
        "params": {"runbook": "loop", "device": f"${{{{ {follow} : {devices[0].pk} }}}}"},
    }
    version = make_runbook(step, slug="loop")
    runs.start(version.pk, case.pk, request_id=uuid4(), actor=analyst)
    settle_down()
    assert Run.objects.count() == 3
    assert any("a child of a child" in text for text in told(case))
    assert broken() == {}


def test_an_unknown_runbook_is_refused_by_name(case: Case, analyst: User, hit: Device, world: World) -> None:
    parent = begin(case, analyst, start_step(hit, "nowhere"))
    assert step_of(parent, "answer").state == StepState.FAILED
    assert "no runbook nowhere" in step_of(parent, "answer").reason


def test_a_child_is_inserted_once_however_often_its_step_is_confirmed(
    case: Case, analyst: User, hit: Device, contain: RunbookVersion, world: World
) -> None:
    parent = begin(case, analyst, start_step(hit))
    settle_down()
    step = StepRun.objects.select_related("run__case", "requested_by").get(run=parent)
    children.start_for(step)
    assert Run.objects.filter(parent=parent).count() == 1


def told(case: Case) -> list[str]:
    return list(TimelineEntry.objects.filter(case=case).values_list("text", flat=True))


def test_what_the_first_device_sent_says_nothing_of_another(case: Case, hit: Device, world: World) -> None:
    assert "another device's" in outflow.of(case, hit.pk).reason
    assert "no source told the volume" in outflow.of(case).reason
