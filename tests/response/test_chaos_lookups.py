"""Processes killed while they ask sources: every question is answered in the end."""

import signal

import pytest

from tests.response.chaos_house import House, wait_for

pytestmark = pytest.mark.chaos
POINTS = ["lookup_claim", "lookup_asked", "lookup_done"]


@pytest.fixture
def house_with_alert(site: House) -> House:
    alert = site.company.folder / "practice" / "alerts" / "1-bad-address.json"
    site.ok("manage", "ingest", str(alert), "--json")
    return site


@pytest.mark.parametrize("point", POINTS)
def test_a_drain_killed_at_any_point_leaves_no_question_open(house_with_alert, point):
    killed = house_with_alert.run("manage", "drain", "--wait", "30", kill=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    house_with_alert.ok("manage", "drain", "--wait", "180")

    house_with_alert.check_answered()


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_of_the_cluster_killed_at_any_point_leaves_no_question_open(house_with_alert, point):
    with house_with_alert.services("qcluster", "tick", queue="enrichment", kill=point):
        wait_for(house_with_alert.once.exists)
        wait_for(house_with_alert.is_answered)

    house_with_alert.check_answered()
