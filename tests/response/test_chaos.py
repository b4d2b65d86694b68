"""Processes killed at each point: the run ends, nothing happens twice, nothing waits for ever."""

import signal

import pytest

from tests.response.chaos_house import wait_for

pytestmark = pytest.mark.chaos
POINTS = ["claim", "intent", "send", "done"]


@pytest.mark.parametrize("point", [*POINTS, "read_back"])
def test_a_drain_killed_at_any_point_isolates_once(site, point):
    device = site.begin("isolate")

    killed = site.run("manage", "drain", "--wait", "20", kill=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    site.ok("manage", "drain", "--wait", "30")

    site.check_isolated_once(device)


@pytest.mark.parametrize("point", POINTS)
def test_a_drain_killed_at_any_point_sends_a_mail_at_most_once(site, company, point):
    site.begin("mail")
    before = len(company.effects("mail"))

    killed = site.run("manage", "drain", "--wait", "20", kill=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    site.ok("manage", "drain", "--wait", "20")

    expected = {"claim": "succeeded", "intent": "unknown", "send": "unknown", "done": "succeeded"}
    assert site.ask("SELECT state FROM response_steprun") == [(expected[point],)]
    happened = len(company.effects("mail")) - before
    assert happened == (0 if point == "intent" else 1)
    if expected[point] == "unknown":  # a person looks, and says what they saw
        site.ok("settle", "yes" if happened else "no")
    said = site.report()
    assert said["runs"] == (["succeeded"] if happened else ["failed"])
    assert said["broken"] == {}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_of_the_cluster_killed_at_any_point_isolates_once(site, point):
    device = site.begin("isolate")

    with site.services("qcluster", "tick", kill=point):
        wait_for(site.once.exists)
        wait_for(site.has_succeeded)

    site.check_isolated_once(device)


@pytest.mark.parametrize("point", POINTS)
def test_the_clocks_own_child_killed_at_any_point_isolates_once(site, point):
    """No cluster runs, so the clock has the overdue step carried out itself."""
    device = site.begin("isolate")

    with site.services("tick", kill=point):
        wait_for(site.once.exists)
        wait_for(site.has_succeeded)

    site.check_isolated_once(device)


def test_cluster_and_clock_killed_as_a_whole_go_on_after_a_restart(site):
    device = site.begin("isolate")

    with site.services("qcluster", "tick"):
        wait_for(lambda: site.ask("SELECT state FROM response_steprun") != [("ready",)])
    with site.services("qcluster", "tick"):
        wait_for(site.has_succeeded)

    site.check_isolated_once(device)
