"""The panel is loaded every two seconds while a run goes on: its queries do not grow with the devices of the case."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cases.choices import DeviceReason, DeviceState, EvidenceKind, Stage
from cases.models import Case, CaseDevice, Device, Evidence
from response.choices import StepState
from response.models import Capture, CaptureSegment, Run, StepRun
from secops.models import User
from tests.factories import make_case, make_device, make_person
from tests.response.conftest import World, begin, settle_down

FEW, MANY = 2, 12


def spread(action: str, name: str, ids: list[int]) -> dict[str, Any]:
    listed = ", ".join(f"{{'id': {one}}}" for one in ids)
    return {"key": action, "action": action, "for_each": f"[{listed}]", "params": {name: "${{ item.id }}"}, "cap": 50}


def left(run: Run, state: StepState, **fields: Any) -> list[StepRun]:
    """The steps of the run's list, as if they had come so far."""
    settle_down()
    steps = StepRun.objects.filter(run=run).exclude(item="")
    steps.update(state=state, state_at=timezone.now(), **fields)
    return list(steps)


def capture(step: StepRun, device: Device) -> None:
    """With one file that was kept and one that was lost."""
    at = timezone.now()
    made = Capture.objects.create(
        case=step.run.case, device=device, step=step, handle="h", rotate_seconds=60, started_at=at, next_at=at
    )
    kept = Evidence.objects.create(
        case=step.run.case,
        seq=step.pk,
        kind=EvidenceKind.CAPTURE,
        title="Packets",
        size=1,
        sha256="a" * 64,
        received_at=at,
    )
    CaptureSegment.objects.create(capture=made, name="part-0", evidence=kept, at=at)
    CaptureSegment.objects.create(capture=made, name="part-1", problem="lost", at=at)


def crowded(number: int, analyst: User) -> Case:
    """Each device: owned, found by a hunt, isolated, its owner disabled, captured, and its next step held."""
    case = make_case(stage=Stage.RESPONSE)
    people = [make_person(f"p{number}-{one}", upn=f"p{number}-{one}@corp.example") for one in range(number)]
    devices = [make_device(f"FIN-LT-{number:02}{one:02}", owner=person) for one, person in enumerate(people)]
    for one, device in enumerate(devices):
        state = DeviceState.SUSPECTED if one else DeviceState.ISOLATED
        CaseDevice.objects.create(case=case, device=device, reason=DeviceReason.HUNT, state=state)
    for person in people:
        case.case_people.create(person=person, role="mentioned")
    ids = [device.pk for device in devices]
    isolated = left(begin(case, analyst, spread("isolate_device", "device", ids)), StepState.SUCCEEDED, result="in")
    left(begin(case, analyst, spread("disable_account", "person", [one.pk for one in people])), StepState.SUCCEEDED)
    doubtful = left(begin(case, analyst, spread("release_device", "device", ids)), StepState.UNKNOWN, reason="out?")
    hits = [{"device": device.name, "device_id": device.pk} for device in devices]
    data = {"run": isolated[0].run_id, "hits": hits}
    left(begin(case, analyst, spread("isolate_device", "device", ids)), StepState.READY, data=data)
    for step, device in zip(doubtful, devices, strict=True):
        capture(step, device)
    return case


def loaded(client: Client, case: Case) -> tuple[str, list[str]]:
    """The panel as it is asked for again, and the queries of that."""
    address = reverse("response:panel", args=[case.pk])
    client.get(address, headers={"HX-Request": "true"})
    with CaptureQueriesContext(connection) as asked:
        text = client.get(address, headers={"HX-Request": "true"}).content.decode()
    return text, [query["sql"] for query in asked]


@pytest.fixture
def cases(world: World, analyst: User) -> tuple[Case, Case]:
    return crowded(FEW, analyst), crowded(MANY, analyst)


@pytest.mark.slow
def test_twelve_devices_ask_no_more_than_two(cases: tuple[Case, Case], client: Client, analyst: User) -> None:
    client.force_login(analyst)
    (few, few_asked), (many, many_asked) = (loaded(client, case) for case in cases)

    for text, number in ((few, FEW), (many, MANY)):  # each of them is on the page, so its rows were drawn
        assert text.count("Waits for run") == number
        assert text.count("1 file.") == number
        assert text.count(">Run ") >= number  # each step links the run that it started
        assert text.count('<th scope="row"') == number
        assert text.count(">Isolated<") == number  # one device of the hits of each step
        assert text.count(">Not contained<") == number * (number - 1)
        assert text.count("<span>partly</span>") == number  # disabled, and not signed out
    assert len(many_asked) == len(few_asked), "\n".join(many_asked)
