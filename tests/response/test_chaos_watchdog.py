"""Single processes of a cluster killed under a watchdog: it goes on, never twice, and leaves nobody behind."""

import os
import signal

import pytest

from tests.response.chaos_house import wait_for
from tests.response.chaos_processes import cluster, processes, watchdog

pytestmark = pytest.mark.chaos
# What a watchdog must notice. Who dies while waiting for a queue takes its lock along: those after it wait for ever.
FATAL = {"workers", "monitor", "sentinel", "main"}


@pytest.mark.parametrize("role", ["pusher", "monitor", "workers", "sentinel", "main"])
def test_whoever_of_a_cluster_dies_the_run_ends_and_there_is_one_cluster(site, role):
    with watchdog(site) as watched:
        watched.until_a_canary_comes()
        watched.until(lambda: cluster(site.folder))
        for pid in cluster(site.folder)[role]:
            os.kill(pid, signal.SIGKILL)
        device = site.begin("isolate")

        watched.until(site.has_succeeded)
        watched.until_a_canary_comes()
        watched.until(lambda: cluster(site.folder))
        if role in FATAL:
            assert "qcluster" in watched.restarted

    site.check_isolated_once(device)
    wait_for(lambda: not processes(site.folder))
