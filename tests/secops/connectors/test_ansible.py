"""Ansible over SSH, as far as it needs no host: what an admin may write, and what is made of a host's words.

The hosts themselves are in tests/lab.
"""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django import forms

from secops.connectors import ansible_answers as answers
from secops.connectors import ansible_runs
from secops.connectors.ansible import Ansible
from secops.connectors.ansible_inventory import Entry, InventoryError, parse
from secops.connectors.ansible_runs import collector, packed, stream
from secops.connectors.ansible_ssh import TETHER, Login, key_text, private
from secops.connectors.ansible_tether import MOST_WRITTEN
from secops.connectors.base import connectors
from secops.connectors.capabilities.catalogue import capabilities_of
from secops.connectors.capabilities.identity import Host
from secops.http import HttpError

GIVEN: dict[str, Any] = {"inventory": "fin-1 10.1.2.3:22 id=edr-7", "known_hosts": "10.1.2.3 ssh-ed25519 AAAA"}
ENTRY = Entry(name="fin-1", address="10.1.2.3", port=22)


def test_it_has_the_capabilities_of_a_host() -> None:
    assert connectors["ansible"] is Ansible
    assert capabilities_of(Ansible) == ["find_file", "isolate", "quarantine", "acquire", "capture"]


def test_the_inventory_says_where_the_hosts_are_and_what_is_known_of_them() -> None:
    text = """
        # the finance floor
        fin-1 10.1.2.3:22 id=edr-7 disk=/dev/sda hypervisor=kvm-1 qmp=/run/fin-1.sock
        kvm-1 [fd00::5]:2222
    """
    one, two = parse(text)

    assert (one.id, one.disk, one.hypervisor, one.qmp) == ("edr-7", "/dev/sda", "kvm-1", "/run/fin-1.sock")
    assert (two.address, two.pair) == ("fd00::5", "[fd00::5]:2222")
    assert Ansible.addresses({"inventory": text}) == ["10.1.2.3:22", "[fd00::5]:2222"]


@pytest.mark.parametrize(
    "line",
    [
        "fin-1",
        "fin-1 10.1.2.3",
        "fin-1 10.1.2.3:0",
        "fin-1 -oProxyCommand=id:22",
        "-fin 10.1.2.3:22",
        "fin{{1}} 10.1.2.3:22",
        "fin-1 10.1.2.3:22 disk=/dev/sda;reboot",
        "fin-1 10.1.2.3:22 ansible_user=root",
        "fin-1 10.1.2.3:22 hypervisor=kvm-1 qmp=/run/q",
        "fin-1 10.1.2.3:22\nFIN-1 10.1.2.4:22",
    ],
)
def test_a_line_that_is_not_an_inventory_is_refused(line: str) -> None:
    with pytest.raises(InventoryError):
        parse(line)
    with pytest.raises(forms.ValidationError):
        Ansible.clean(GIVEN | {"inventory": line})


@pytest.mark.parametrize(
    ("host", "is_meant"),
    [
        (Host(name="FIN-1"), True),
        (Host(agent_id="edr-7", name="whatever"), True),
        (Host(agent_id="edr-8", name="fin-1"), False),  # the same name with another id is another device
        (Host(address="10.1.2.3"), False),  # an address is no device
        (Host(name="fin-10"), False),
    ],
)
def test_which_host_is_meant(host: Host, is_meant: bool) -> None:
    assert parse(GIVEN["inventory"])[0].is_meant(host) is is_meant


@pytest.mark.parametrize(
    "values", [{"management": "10.0.0.1 somewhere"}, {"places": "home"}, {"user": "-oProxyCommand=id"}]
)
def test_settings_that_could_be_more_than_they_seem_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(forms.ValidationError):
        Ansible.clean({"user": "soc"} | GIVEN | values)


def test_a_key_that_lost_its_lines_in_a_field_gets_them_back() -> None:
    body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU" * 5
    lines = [body[at : at + 70] for at in range(0, len(body), 70)]
    begin, end = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
    whole = "\n".join([begin, *lines, end, ""])

    assert key_text(whole) == whole
    assert key_text(f"{begin}{body}{end}") == whole
    assert key_text(f"{begin} {' '.join(lines)} {end}") == whole
    assert key_text("\\n".join([begin, *lines, end])) == whole


def test_what_is_asked_can_be_no_template_and_no_word_of_a_shell() -> None:
    asked = {"key": "{{ lookup('pipe', 'id') }}", "path": "/a b; reboot"}

    assert not set(packed(asked)) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    assert json.loads(base64.b64decode(packed(asked))) == asked


def test_the_collector_is_one_program_that_needs_nothing_of_ours() -> None:
    compile(collector(), "collector", "exec")
    for path in (Path(answers.__file__).parent / "collector").glob("*.py"):
        lines = [line for line in path.read_text().splitlines() if line.startswith(("from secops", "import secops"))]
        assert all(line.startswith("from secops.connectors.collector") for line in lines), path


def test_a_host_is_isolated_only_when_every_way_was_tested_and_is_closed() -> None:
    closed = {"name": "eth0", "family": "IPv4", "is_open": False}
    is_open = {"name": "wlan0", "family": "IPv6", "is_open": True}

    def said(*paths: Any, is_set: Any = True) -> tuple[str, str]:
        state = answers.isolation_of(ENTRY, {"is_set": is_set, "paths": list(paths)})
        assert state.paths[-1].is_management
        return state.state, state.text

    assert said(closed)[0] == "isolated"
    assert said(closed, is_open) == ("partly", "Still open: wlan0 IPv6.")
    assert said(closed, {"name": "eth1", "family": "IPv4"}) == ("partly", "Still open: eth1 IPv4.")  # not said is open
    assert said()[0] == "partly"
    assert said(closed, is_set="yes")[0] == "released"  # what it does not say clearly is not said
    assert said(is_open, is_set=False)[0] == "released"


def test_what_a_host_says_is_cut_to_plain_text_and_plain_numbers() -> None:
    told = {
        "state": "done",
        "text": "a\x1b[31mb\n" + "x" * 1000,
        "done_bytes": -1,
        "total_bytes": "many",
        "read_errors": True,
        "started_at": 1e300,
        "ended_at": 0,
        "now": 1_000.0,
        "parts": [{"name": "a", "size": 7}, "b", None],
    }
    found = answers.acquisition_of(ENTRY, "disk", told, 400.0)

    assert (found.text[:7], len(found.text)) == ("a[31mbx", 298)
    assert (found.done_bytes, found.total_bytes, found.read_errors, found.started_at) == (None,) * 4
    assert (found.ended_at, found.clock_offset_seconds) == (datetime(1970, 1, 1, tzinfo=UTC), 600)
    assert [(part.name, part.size, part.sha256) for part in found.parts] == [("a", 7, "")]


def test_a_state_that_is_not_known_is_no_state() -> None:
    with pytest.raises(HttpError, match="cannot be read"):
        answers.capture_of(ENTRY, {"state": "Running"})


LOGIN = Login(
    user="soc",
    key="-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
    known_hosts="10.1.2.3 ssh-ed25519 AAAA",
    is_sudo=False,
)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Iterator[bytes]]:
    """A host that does what a shell script does, in place of ssh; the folder of the call is the script's own."""

    def reading(script: str, **bounds: float) -> Iterator[bytes]:
        monkeypatch.setattr(ansible_runs, "command", lambda *_: ["sh", "-c", script])
        return stream(LOGIN, ENTRY, "read", {}, **bounds)

    return reading


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_host_that_stalls_is_left_after_the_idle_limit(host: Callable[..., Iterator[bytes]]) -> None:
    began, stalling = time.monotonic(), host("echo $$; exec sleep 60", idle=3.0)
    pid = int(next(stalling))

    with pytest.raises(HttpError, match="fin-1 took too long"):
        next(stalling)

    assert time.monotonic() - began < 12
    assert not is_alive(pid)


def test_what_a_host_complains_of_is_bounded_and_the_key_goes_with_the_first_byte(
    host: Callable[..., Iterator[bytes]],
) -> None:
    flooding = host("test -f key && yes >&2; pwd; echo 'sudo: a password is required' >&2; exit 1")

    folder = Path(next(flooding).decode().strip())
    said = (folder / "said").stat().st_size
    left = sorted(path.name for path in folder.iterdir())
    with pytest.raises(HttpError, match="fin-1"):
        b"".join(flooding)

    assert said == MOST_WRITTEN
    assert "known_hosts" in left
    assert "key" not in left
    assert not folder.exists()


def test_only_the_end_of_what_ssh_said_is_read_for_a_reason(host: Callable[..., Iterator[bytes]]) -> None:
    with pytest.raises(HttpError, match="it refused our key"):
        list(host("yes | head -c 90000 >&2; echo 'Permission denied (publickey).' >&2; exit 255"))
    with pytest.raises(HttpError, match="did not answer as it should"):
        list(host("echo 'Permission denied' >&2; yes | head -c 90000 >&2; exit 255"))


def test_ssh_ends_with_a_worker_that_is_killed() -> None:
    worker = (
        "import os, subprocess, sys, time\n"
        "ssh = [sys.executable, '-I', '-S', sys.argv[1], str(os.getpid()), 'sh', '-c', 'echo started; exec sleep 60']\n"
        "child = subprocess.Popen(ssh, stdout=subprocess.PIPE, start_new_session=True)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    told = subprocess.run([sys.executable, "-c", worker, TETHER], capture_output=True, check=False)

    ends = time.monotonic() + 5
    while is_alive(int(told.stdout)) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not is_alive(int(told.stdout))


def test_the_key_that_a_killed_worker_left_is_removed_after_minutes() -> None:
    with private(LOGIN, [ENTRY]) as (folder, _):
        ago = time.time() - 700
        os.utime(folder, (ago, ago))
        with private(LOGIN, [ENTRY]):
            left = sorted(path.name for path in folder.iterdir())
    assert left == ["door", "known_hosts", "ssh_config"]
