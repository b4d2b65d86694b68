"""A process that is killed while it pushes loses no case and writes it down once; a repetition is known by its key."""

import json
import signal
from pathlib import Path

import pytest

from secops import faultpoints
from tests.outlets import Receiver
from tests.response import chaos_databases
from tests.response.chaos_databases import start

pytestmark = pytest.mark.chaos
CHILD = "tests.enrichment.push_child"


@pytest.mark.parametrize(("point", "before"), [("push_claim", 0), ("pushed", 1)])
def test_killed_there_the_next_process_sends_it_under_the_same_key(
    receiver: Receiver, tmp_path: Path, point: str, before: int
) -> None:
    database, hosts = chaos_databases.make(tmp_path), {"NIGHTDESK_INTERNAL_HOSTS": f"127.0.0.1:{receiver.port}"}
    for words in (("manage.py", "migrate", "-v", "0"), ("-m", CHILD, "begin", str(receiver.port))):
        done = start(tmp_path, database, *words, **hosts)
        assert done.returncode == 0, done.stderr

    once = {faultpoints.KILL: f"{point}:{tmp_path / 'once'}"}
    killed = start(tmp_path, database, "manage.py", "push", **hosts, **once)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(receiver.got) == before
    assert start(tmp_path, database, "-m", CHILD, "expire").returncode == 0
    again = start(tmp_path, database, "manage.py", "push", **hosts)

    assert again.stdout == "1 push tried.\n", again.stderr
    assert len(receiver.got) == before + 1
    assert len(set(receiver.asked)) == 1
    said = json.loads(start(tmp_path, database, "-m", CHILD, "report").stdout)
    assert said == {"states": ["sent"], "lines": ["Pushed to Old SIEM."]}
    database.drop()
