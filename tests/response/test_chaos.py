"""Processes killed at each point: the run ends, nothing happens twice, nothing waits for ever."""

import signal

import pytest

from tests.response.chaos_house import wait_for

pytestmark = pytest.mark.chaos
POINTS = ["claim", "intent", "send", "done"]


@pytest.mark.parametrize("point", [*POINTS, "read_back"])
def test_a_drain_killed_at_any_point_isolates_once(house, point):
    device = house.begin("isolate")

    killed = house.run("manage", "drain", "--wait", "20", kill=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    house.ok("manage", "drain", "--wait", "30")

    house.check_isolated_once(device)


@pytest.mark.parametrize("point", POINTS)
def test_a_drain_killed_at_any_point_sends_a_mail_at_most_once(house, company, point):
    house.begin("mail")
    before = len(company.effects("mail"))

    killed = house.run("manage", "drain", "--wait", "20", kill=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    house.ok("manage", "drain", "--wait", "20")

    expected = {"claim": "succeeded", "intent": "unknown", "send": "unknown", "done": "succeeded"}
    assert house.ask("SELECT state FROM response_steprun") == [(expected[point],)]
    happened = len(company.effects("mail")) - before
    assert happened == (0 if point == "intent" else 1)
    if expected[point] == "unknown":  # a person looks, and says what they saw
        house.ok("settle", "yes" if happened else "no")
    said = house.report()
    assert said["runs"] == (["succeeded"] if happened else ["failed"])
    assert said["broken"] == {}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_of_the_cluster_killed_at_any_point_isolates_once(house, point):
    device = house.begin("isolate")

    with house.services("qcluster", "tick", kill=point):
        wait_for(house.once.exists)
        wait_for(house.has_succeeded)

    house.check_isolated_once(device)


@pytest.mark.parametrize("point", POINTS)
def test_the_clocks_own_child_killed_at_any_point_isolates_once(house, point):
    """No cluster runs, so the clock has the overdue step carried out itself."""
    device = house.begin("isolate")

    with house.services("tick", kill=point):
        wait_for(house.once.exists)
        wait_for(house.has_succeeded)

    house.check_isolated_once(device)


def test_cluster_and_clock_killed_as_a_whole_go_on_after_a_restart(house):
    device = house.begin("isolate")

    with house.services("qcluster", "tick"):
        wait_for(lambda: house.ask("SELECT state FROM response_steprun") != [("ready",)])
    with house.services("qcluster", "tick"):
        wait_for(house.has_succeeded)

    house.check_isolated_once(device)
