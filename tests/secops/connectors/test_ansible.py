"""Ansible over SSH, as far as it needs no host: what an admin may write, and what is made of a host's words.

The hosts themselves are in tests/lab.
"""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django import forms

from secops.connectors import ansible_answers as answers
from secops.connectors.ansible import Ansible
from secops.connectors.ansible_inventory import Entry, InventoryError, parse
from secops.connectors.ansible_runs import collector, packed
from secops.connectors.ansible_ssh import key_text
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
