"""The containment of one device from the packets to the account, over the real range server and its own APIs."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from time import sleep
from typing import Any

import pytest
from django.utils import timezone

from cases.models import Case, CaseDevice, CaseObservable, CasePerson, Device, Evidence
from response.actions.base import actions
from response.choices import CaptureState, StepState
from response.models import Capture, StepRun
from response.services import captures, decisions, drills, invariants
from response.views.doors import doors_of
from secops import integrations
from secops.practice.products.traffic import FALLBACK
from tests.factories import make_observable, make_person
from tests.pace import OBEYED
from tests.response.conftest import begin, say_yes, settle_down, step_of
from tests.response.test_containment import BLOCK, CAPTURE, DISABLE, QUARANTINE, REVOKE
from tests.secops.practice.conftest import IDS, Client, ago, start_range

__all__ = ["start_range"]  # a fixture
BAD = "203.0.113.9"
STEPS = (CAPTURE, QUARANTINE, DISABLE, REVOKE, BLOCK)


@pytest.fixture
def practice(start_range: Callable[[], Client], tmp_path: Any) -> Client:
    """A range whose LT-1 spoke to a bad address just before its logs ended, nine minutes ago, and so goes on to."""
    company = json.loads((tmp_path / "practice/company.json").read_text()) | {"anchor": ago(minutes=9)}
    (tmp_path / "practice/company.json").write_text(json.dumps(company))
    row = {
        "Timestamp": ago(minutes=12),
        "DeviceId": IDS["LT-1"],
        "ActionType": "ConnectionSuccess",
        "RemoteIP": BAD,
        "RemotePort": 443,
        "RemoteUrl": "bad.example",
        "LocalIP": "10.9.0.1",
    }
    with (tmp_path / "practice/tables/DeviceNetworkEvents.ndjson").open("a") as table:
        table.write(json.dumps(row) + "\n")
    return start_range()


@pytest.fixture
def house(practice: Client, settings: Any, tmp_path: Any, db: None) -> Client:
    settings.NIGHTDESK_INTERNAL_HOSTS = [practice.base.removeprefix("http://")]
    settings.DATA_DIR = tmp_path / "data"
    keys, base = practice.credentials, practice.base
    entra = {"tenant": keys["tenant_id"], "client_id": keys["client_id"], "login_url": f"{base}/login"}
    secret = {"client_secret": keys["client_secret"]}
    arkime = {"url": f"{base}/arkime", "username": keys["arkime_user"], "delay_seconds": 0}
    ise = {"url": f"{base}/ise", "username": keys["ise_user"]}
    kea = {"url": f"{base}/kea/", "username": keys["kea_user"]}
    integrations.add("arkime", "Arkime", arkime, {"password": keys["arkime_password"]})
    cisco = integrations.add("cisco-ise", "Cisco ISE", ise, {"password": keys["ise_password"]})
    drills.record_simulated(cisco, actions["quarantine_device"], timezone.now())
    integrations.add("kea", "Kea", kea, {"password": keys["kea_password"]})
    integrations.add("microsoft-graph", "Graph", entra | {"api_url": f"{base}/graph"}, secret)
    integrations.add("defender", "Defender", entra | {"api_url": f"{base}/defender"}, secret)
    return practice


@pytest.fixture
def lt1(case: Case, house: Client) -> CaseDevice:
    """No source has told its MAC address yet."""
    Device.objects.update(name="LT-1", agent_id=IDS["LT-1"])
    CaseDevice.objects.update(address="10.9.0.1")
    CasePerson.objects.create(case=case, person=make_person("b.ek", upn="b.ek@tiny.example"), role="logged_on")
    bad = make_observable(BAD, verdict="malicious")
    CaseObservable.objects.create(case=case, observable=bad, role="destination", first_seen_at=case.opened_at)
    return CaseDevice.objects.get()


@pytest.fixture(autouse=True)
def nothing_is_broken(db: None) -> Iterator[None]:
    yield
    assert invariants.broken() == {}


def go_on(seconds: float = OBEYED) -> None:
    settle_down(4)
    sleep(seconds)
    settle_down(4)


def test_packets_first_then_three_doors_and_back(house, lt1, case, analyst, responder):
    run = begin(case, analyst, *STEPS)
    settle_down(4)
    for key in ("quarantine", "disable", "revoke"):
        say_yes(step_of(run, key), responder)
        go_on()
    for step in StepRun.objects.filter(run=run, key="block").exclude(item=""):
        say_yes(step, responder)
    go_on(0)

    run.refresh_from_db()
    assert run.state == "succeeded", [(one.key, one.state, one.reason) for one in StepRun.objects.filter(run=run)]
    assert [one["method"] for one in house.effects()] == ["quarantine", "disable_account", "revoke_sessions", "block"]
    assert Device.objects.get().mac == "02:42:00:00:00:01"  # by the lease that names it
    (line,) = doors_of(case)
    assert [door.word for door in line.three] == ["open", "closed", "closed"]
    assert "GigabitEthernet" in line.network.why

    sleep(1)  # the packets of this second are written
    undo = decisions.undo(step_of(run, "quarantine").pk, actor=analyst)
    say_yes(undo, responder)
    go_on()
    for _ in range(8):
        Capture.objects.live().update(next_at=timezone.now() - timedelta(seconds=1))
        captures.work()
        captures.work_apart()

    capture = Capture.objects.get()
    assert (capture.state, capture.sensor) == (CaptureState.STOPPED, "LIS-2")
    assert {one.title[:22] for one in Evidence.objects.all()} == {"Packet capture of LT-1"}
    assert house.effects()[-1]["method"] == "lift_quarantine"
    new = CaseObservable.objects.filter(case=case, role="destination").exclude(observable__value=BAD)
    assert [link.observable.value for link in new] == [FALLBACK]  # the attacker's second address
    assert [door.word for door in doors_of(case)[0].three] == ["open", "open", "closed"]


def test_an_account_of_an_administrator_is_refused_and_stays_open(house, lt1, case, analyst, responder):
    boss = make_person("a.boss", upn="a.boss@tiny.example")
    CasePerson.objects.create(case=case, person=boss, role="actor")
    run = begin(case, analyst, DISABLE | {"params": {"person": str(boss.pk)}})
    say_yes(step_of(run, "disable"), responder)
    settle_down(4)

    assert step_of(run, "disable").state == StepState.FAILED
    assert "does not let this application" in step_of(run, "disable").reason
    assert house.effects() == []
