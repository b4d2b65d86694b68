"""A beaconing host, from the alert to its release, in the lab: every claim of the case is looked at from outside.

The product is asked through its services, as pages do; its work is carried out by `drain`. The hosts are real.
"""

import json
import re
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings as DjangoSettings

from cases.choices import DeviceState, Stage
from cases.models import Case, CaseDevice, TimelineEntry
from response.choices import RunState, StepState
from response.models import Run, RunbookVersion, StepRun
from response.models.runbooks import Runbook, Step
from response.services import approvals, decisions, runbooks, runs
from response.services.invariants import broken
from secops import integrations
from secops.models import ApiToken, User
from tests.factories import make_user
from tests.lab.lab import Lab, until

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]
DEVICE = {"device": "${{ device.id }}"}
CONTAIN: list[dict[str, Any]] = [
    {"key": "isolate", "action": "isolate_device", "title": "Isolate the device", "params": DEVICE},
]
RESPOND: list[dict[str, Any]] = [
    {"key": "confirm", "action": "confirm_device", "title": "Confirm the device", "params": DEVICE},
    *CONTAIN,
    {"key": "find", "action": "find_file", "title": "Find the file elsewhere", "params": {"sha256": "{sha256}"}},
    {
        "key": "answer",
        "action": "start_runbook",
        "title": "Contain the devices that hold it",
        "for_each": "steps.find.hits",
        "params": {"runbook": "lab-contain", "device": "${{ item.device_id }}"},
        "needs": ["find"],
    },
]


@pytest.fixture
def house(lab: Lab, settings: DjangoSettings, admin_user: User) -> None:
    """The integration, tested; and both runbooks, each written by one person and published by another."""
    settings.NIGHTDESK_INTERNAL_HOSTS = lab.pairs
    values = {"inventory": lab.inventory, "known_hosts": lab.known_hosts, "user": "root", "places": "/home /srv /tmp"}
    row = integrations.add("ansible", "Lab", values, {"private_key": (lab.folder / "key").read_text()})
    assert integrations.test(row), row.health_text
    second = make_user("del", ["admin"])
    _publish("lab-contain", CONTAIN, admin_user, second)
    written = json.loads(json.dumps(RESPOND).replace("{sha256}", lab.secret_sha256))
    _publish("lab-respond", written, admin_user, second)


def _publish(slug: str, steps: list[dict[str, Any]], writer: User, publisher: User) -> RunbookVersion:
    runbook = Runbook.objects.create(slug=slug, title=slug.replace("-", " ").capitalize())
    for order, fields in enumerate(steps, start=1):
        Step.objects.create(runbook=runbook, order=order, **fields)
    runbooks.note_writer(runbook, writer)
    runbook = runbooks.propose(runbook, actor=writer)
    return runbooks.publish(runbook, actor=publisher, accepts=runbooks.warnings_of(runbook))


def drain(wait: int = 0) -> None:
    call_command("drain", wait=wait, stdout=StringIO())


def alert(lab: Lab, client: Client) -> Case:
    """Through the door that a sensor uses."""
    _, secret = ApiToken.issue("lab-sensor")
    host = lab.hosts["host1"]
    body = {
        "schema": "nightdesk.alert/1",
        "source": "lab-sensor",
        "source_ref": uuid4().hex,
        "title": "Connection to a known bad address",
        "severity": 3,
        "detected_at": "2026-11-28T08:00:00Z",
        "devices": [{"name": host.name, "agent_id": host.name, "address": host.address}],
        "flow": {"src_ip": host.address, "dst_ip": f"{lab.net}.99", "dst_port": 80, "proto": "tcp"},
    }
    answer = client.post(
        "/api/v1/alerts/", json.dumps(body), "application/json", headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 201, answer.content
    return Case.objects.get()


def step(run: Run, key: str) -> StepRun:
    return StepRun.objects.get(run=run, key=key)


def approve_all(actor: User) -> int:
    """What waits for a person now; the number of yes."""
    waiting = list(StepRun.objects.filter(state=StepState.WAITING))
    for one in waiting:
        approvals.approve(one.pk, params_sha256=one.params_sha256, actor=actor)
    return len(waiting)


def state_of(case: Case, name: str) -> str:
    return CaseDevice.objects.get(case=case, device__name__iexact=name).state


def told(case: Case) -> str:
    return "\n".join(TimelineEntry.objects.filter(case=case).order_by("seq").values_list("text", flat=True))


def test_a_beaconing_host_from_the_alert_to_its_release(
    lab: Lab, house: None, client: Client, analyst: User, responder: User
) -> None:
    host1, host2 = lab.hosts["host1"], lab.hosts["host2"]
    until(lambda: lab.beats(host1) > 0)
    assert host1.answers_ping()
    assert host2.answers_ping()

    case = alert(lab, client)
    drain()
    version = RunbookVersion.objects.get(runbook__slug="lab-respond")
    run = runs.escalate_and_start(version.pk, case.pk, request_id=uuid4(), actor=analyst)
    case.refresh_from_db()
    assert case.stage == Stage.RESPONSE

    # the device is asked for and waits; nothing happened to it
    drain()
    assert step(run, "isolate").state == StepState.WAITING
    assert host1.answers_ping()

    # one approval by another person: cut off, seen from outside, but for the management path
    assert approve_all(responder) == 1
    drain(wait=20)
    assert step(run, "isolate").state == StepState.SUCCEEDED, step(run, "isolate").reason
    heard = lab.beats(host1)
    assert not host1.answers_ping()
    assert not host1.answers_ping(host1.address6)
    assert lab.ssh(host1, "hostname").stdout == "host1\n"
    assert state_of(case, "host1") == DeviceState.ISOLATED

    # the file was hunted; the host that holds it is contained by a run of its own
    assert [hit["device"] for hit in step(run, "find").data["hits"]] == ["HOST2"]
    child = Run.objects.get(parent=run)
    assert state_of(case, "host2") == DeviceState.SUSPECTED
    assert host2.answers_ping()
    assert approve_all(responder) == 1
    drain(wait=20)
    assert step(child, "isolate").state == StepState.SUCCEEDED, step(child, "isolate").reason
    assert not host2.answers_ping()
    assert lab.ssh(host2, "hostname").stdout == "host2\n"
    for one in (run, child):
        one.refresh_from_db()
        assert one.state == RunState.SUCCEEDED

    # release: what was done is undone, on one approval each
    assert lab.beats(host1) == heard
    for one in (step(run, "isolate"), step(child, "isolate")):
        decisions.undo(one.pk, actor=analyst)
    drain()
    assert approve_all(responder) == 2
    drain(wait=30)
    assert host1.answers_ping()
    assert host2.answers_ping()
    until(lambda: lab.beats(host1) > heard)
    assert state_of(case, "host1") == state_of(case, "host2") == DeviceState.RELEASED

    # all of it on the timeline, whose chain holds, as does every invariant of the engine
    story = told(case)
    for name in ("host1", "host2"):
        assert re.search(rf"(?i){name}: isolated, verified", story), story
        assert re.search(rf"(?i){name}: on the network|{name}.*released", story), story
    call_command("verify_timeline", case.number, stdout=StringIO())
    assert broken() == {}
