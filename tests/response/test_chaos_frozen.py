"""Workers frozen in the middle of a step, awake again when it was decided: nothing happens a second time."""

import os
import signal
import time

import pytest

from secops.http import FROZEN
from tests.response.chaos_house import LEASE_SECONDS, House, wait_for

pytestmark = pytest.mark.chaos
SAYS = {"claim": "", "intent": FROZEN, "send": "A late answer"}  # who wakes up there, of what it could not do any more


def wait_until_frozen(site: House) -> None:
    wait_for(lambda: site.once.exists() and site.once.read_text())


def wake(site: House, point: str) -> None:
    """More than two leases later; and wait until the worker has noticed, under its token, that it is too late."""
    time.sleep(2 * LEASE_SECONDS + 1)
    os.kill(int(site.once.read_text()), signal.SIGCONT)
    query = "SELECT detail FROM response_attempt WHERE token = 1"
    wait_for(lambda: site.ask(query)[0][0].startswith(SAYS[point]))
    time.sleep(2)  # whatever it might still do


@pytest.mark.parametrize("point", ["claim", "intent", "send"])
def test_a_worker_that_wakes_up_after_others_went_on_isolates_nothing_again(site, point):
    device = site.begin("isolate")

    with site.services("qcluster", "tick", stop=point):
        wait_until_frozen(site)
        wait_for(site.has_succeeded)
        wake(site, point)

    site.check_isolated_once(device)


@pytest.mark.parametrize(("point", "mails"), [("intent", 0), ("send", 1)])
def test_a_worker_that_wakes_up_after_a_person_decided_sends_no_mail(site, company, point, mails):
    before = len(company.effects("mail"))
    site.begin("mail")

    with site.services("qcluster", "tick", stop=point):
        wait_until_frozen(site)
        wait_for(lambda: site.ask("SELECT state FROM response_steprun") == [("unknown",)])
        site.ok("settle", "yes" if mails else "no")
        wake(site, point)

    assert len(company.effects("mail")) - before == mails
    said = site.report()
    assert said["runs"] == (["succeeded"] if mails else ["failed"])
    assert said["broken"] == {}
