"""Ansible over SSH against real hosts: what it says is compared with what is seen from outside."""

import hashlib
import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings as DjangoSettings

from secops import intent
from secops.connectors.ansible import Ansible
from secops.connectors.ansible_runs import play
from secops.connectors.ansible_ssh import Login
from secops.connectors.base import Settings
from secops.connectors.capabilities.acquisition import Acquisition
from secops.connectors.capabilities.errors import Doubt, NoEffect
from secops.connectors.capabilities.identity import Host
from secops.http import HttpError
from tests.lab.lab import SECRET, Lab, LabHost, run, until

pytestmark = pytest.mark.lab
ONE, TWO = Host(name="host1", agent_id="host1"), Host(name="HOST2")


@pytest.fixture
def host1(lab: Lab, ansible: Ansible) -> LabHost:
    """Open again, whatever the test before left."""
    host = lab.hosts["host1"]
    host.inside("nft", "flush", "ruleset")
    return host


def finished(ansible: Ansible, handle: str) -> Acquisition:
    def is_over() -> Acquisition | None:
        found = ansible.acquisition(ONE, handle)
        return found if found.state in ("done", "failed") else None

    return until(is_over, 20)


def with_values(ansible: Ansible, **values: str) -> Ansible:
    return Ansible(Settings(values={**ansible.settings.values, **values}, secrets=ansible.settings.secrets))


def content(package: tarfile.TarFile, name: str) -> bytes:
    file = package.extractfile(name)
    assert file is not None
    return file.read()


def folders() -> set[Path]:
    return set(Path("/tmp").glob("nightdesk-ssh-*"))


def test_every_host_answers(ansible: Ansible) -> None:
    assert ansible.test() == "All 3 hosts answer."


def test_an_isolated_host_is_reached_by_ssh_only_until_it_is_released(
    ansible: Ansible, lab: Lab, host1: LabHost
) -> None:
    assert host1.answers_ping()
    assert host1.answers_ping(host1.address6)

    ansible.isolate(ONE, "CASE-1", "isolate-1")
    said = ansible.isolation_state(ONE)
    heard = lab.beats(host1)

    assert (said.state, {path.name: path.is_open for path in said.paths if not path.is_management}) == (
        "isolated",
        {"eth0 IPv4": False, "eth0 IPv6": False},
    )
    assert not host1.answers_ping()
    assert not host1.answers_ping(host1.address6)
    neighbour = lab.hosts["host2"].inside("ping", "-c1", "-W1", host1.address, check=False)
    assert "1 packets transmitted, 0 received" in neighbour
    assert lab.ssh(host1, "hostname").stdout == "host1\n"
    assert ansible.quarantine_state(ONE).state == "released"  # another door
    time.sleep(1.5)
    assert lab.beats(host1) == heard

    ansible.release(ONE, "CASE-1", "release-1")

    assert ansible.isolation_state(ONE).state == "released"
    assert host1.answers_ping()
    until(lambda: lab.beats(host1) > heard)


def test_a_key_acts_once_so_a_late_repetition_closes_nothing_again(ansible: Ansible, host1: LabHost) -> None:
    first = ansible.isolate(ONE, "", "isolate-late")
    ansible.release(ONE, "", "release-late")

    assert ansible.isolate(ONE, "", "isolate-late") == first
    assert ansible.isolation_state(ONE).state == "released"
    assert host1.answers_ping()


def test_a_way_that_is_still_open_is_partly_isolated_and_named(ansible: Ansible, host1: LabHost) -> None:
    ansible.isolate(ONE, "", "isolate-partly")
    host1.inside("nft", "insert rule inet nightdesk_isolation output meta nfproto ipv6 accept")

    said = ansible.isolation_state(ONE)

    assert (said.state, said.text) == ("partly", "Still open: eth0 IPv6.")


def test_in_quarantine_what_a_program_tries_to_send_is_still_seen(ansible: Ansible, lab: Lab, host1: LabHost) -> None:
    until(lambda: lab.beats(host1) > 0)
    handle = ansible.start_capture(ONE, "capture-1", rotate_seconds=5)
    assert ansible.start_capture(ONE, "capture-1", rotate_seconds=5) == handle
    until(lambda: ansible.capture(ONE, handle).state == "running")
    ansible.quarantine(ONE, "", "quarantine-1")
    closed_at, heard = time.time(), lab.beats(host1)

    time.sleep(3)
    ansible.stop_capture(ONE, handle)
    said = ansible.capture(ONE, handle)

    assert ansible.quarantine_state(ONE).state == "isolated"
    assert lab.beats(host1) == heard
    assert (said.state, said.tool, said.segments[0].name) == (
        "stopped",
        "tcpdump",
        f"{said.segments[0].started_at:%Y%m%dT%H%M%SZ}.pcap",
    )
    packets = ""
    for segment in said.segments:
        path = lab.folder / segment.name
        path.write_bytes(b"".join(ansible.fetch_segment(ONE, handle, segment, 0)))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == segment.sha256
        packets += run("tcpdump", "-nttr", str(path)).stdout
    lines = [line for line in packets.splitlines() if f"> {lab.net}.99.80:" in line]
    assert [line for line in lines if float(line.split()[0]) < closed_at and "GET /b" in line]
    assert [line for line in lines if float(line.split()[0]) > closed_at and "Flags [S]" in line]
    assert ".2222" not in packets  # our own SSH would feed itself

    ansible.lift_quarantine(ONE, "", "lift-1")
    assert ansible.quarantine_state(ONE).state == "released"
    assert host1.inside("nft", "list", "ruleset") == ""


def test_a_triage_package_holds_processes_sockets_and_histories(ansible: Ansible, lab: Lab, host1: LabHost) -> None:
    handle = ansible.acquire(ONE, "triage", "triage-1")
    done = finished(ansible, handle)
    body = b"".join(ansible.fetch_part(ONE, handle, done.parts[0], 0))

    assert (done.state, done.clock_offset_seconds, len(body)) == ("done", 0, done.parts[0].size)
    assert hashlib.sha256(body).hexdigest() == done.parts[0].sha256
    with tarfile.open(fileobj=io.BytesIO(body)) as package:
        assert b"updater.py" in content(package, "live/processes.json")
        assert b"updates.lab.example" in content(package, "files/home/mira/.bash_history")
        assert {"live/sockets.txt", "files/etc/passwd"} <= set(package.getnames())

    ansible.abandon(ONE, handle)
    assert host1.inside("find", "/run/nightdesk/jobs", "-mindepth", "1", "-name", handle.split("/")[2]) == ""


def test_a_disk_is_hashed_where_it_is_and_fetched_from_any_offset(ansible: Ansible, lab: Lab, host1: LabHost) -> None:
    image = lab.image.read_bytes()
    handle = ansible.acquire(ONE, "disk", "disk-1")
    assert ansible.acquire(ONE, "disk", "disk-1") == handle
    done = finished(ansible, handle)

    assert (done.parts[0].size, done.read_errors) == (len(image), 0)
    assert done.parts[0].sha256 == hashlib.sha256(image).hexdigest()
    stream = ansible.fetch_part(ONE, handle, done.parts[0], 0)
    half = next(stream) + next(stream)
    stream.close()  # as a worker that has had enough
    rest = b"".join(ansible.fetch_part(ONE, handle, done.parts[0], len(half)))
    assert half + rest == image
    assert folders() == set()


def test_memory_of_the_guest_that_is_paired_with_the_host(ansible: Ansible, lab: Lab) -> None:
    handle = ansible.acquire(ONE, "memory", "memory-1")
    done = finished(ansible, handle)
    body = b"".join(ansible.fetch_part(ONE, handle, done.parts[0], 0))

    assert done.note == "Memory of the QEMU guest that is paired with the host, written by its hypervisor kvm1."
    assert body[:4] == b"\x7fELF"
    assert b"the guest of the lab was here" in body
    assert hashlib.sha256(body).hexdigest() == done.parts[0].sha256


def test_one_file_and_what_cannot_be_had(ansible: Ansible, lab: Lab) -> None:
    handle = ansible.acquire(TWO, "file", "file-1", path="/srv/share/viewer.bin")
    done = finished(ansible, handle)

    assert b"".join(ansible.fetch_part(TWO, handle, done.parts[0], 0)) == SECRET
    with pytest.raises(NoEffect, match="no such file"):
        ansible.acquire(TWO, "file", "file-2", path="/srv/share/none")
    with pytest.raises(NoEffect, match="no such disk"):
        ansible.acquire(TWO, "disk", "disk-2", path="/etc/passwd")
    with pytest.raises(NoEffect, match="does not say which is the disk"):
        ansible.acquire(TWO, "disk", "disk-3")
    with pytest.raises(NoEffect, match="No memory acquisition is set up for host2"):
        ansible.acquire(TWO, "memory", "memory-2")
    with pytest.raises(NoEffect, match="not among the hosts"):
        ansible.isolate(Host(name="host3"), "", "isolate-3")


def test_a_file_is_found_by_its_hash_on_the_host_that_has_it(ansible: Ansible, lab: Lab) -> None:
    hits = ansible.find_file(lab.secret_sha256)

    assert [(hit.device, hit.agent_id, hit.path) for hit in hits] == [("host2", "host2", "/srv/share/viewer.bin")]
    assert ansible.find_file("0" * 64) == []


def test_a_host_with_another_key_is_told_nothing(ansible: Ansible, lab: Lab, host1: LabHost) -> None:
    lines = lab.known_hosts.splitlines()[:2]
    swapped = "\n".join(
        f"{one.split()[0]} {other.split(None, 1)[1]}" for one, other in zip(lines, lines[::-1], strict=True)
    )

    with pytest.raises(HttpError, match="host key is not the one in known hosts") as said:
        with_values(ansible, known_hosts=swapped).isolate(ONE, "", "isolate-key")

    assert not said.value.was_sent
    assert host1.answers_ping()


def test_a_host_that_deployment_does_not_list_is_not_connected_to(
    ansible: Ansible, host1: LabHost, settings: DjangoSettings
) -> None:
    settings.NIGHTDESK_INTERNAL_HOSTS = ()

    with pytest.raises(HttpError, match="not in NIGHTDESK_INTERNAL_HOSTS") as said:
        ansible.isolate(ONE, "", "isolate-pair")

    assert not said.value.was_sent
    assert host1.answers_ping()


def test_who_was_frozen_after_writing_the_intent_down_sends_nothing(ansible: Ansible, host1: LabHost) -> None:
    with intent.good_until(intent.awake() + 0.2), pytest.raises(HttpError, match="frozen") as said:
        ansible.isolate(ONE, "", "isolate-frozen")  # Ansible takes longer than that to get to its first connection

    assert not said.value.was_sent
    assert host1.answers_ping()


def test_a_playbook_of_the_site_is_played_instead_and_one_that_hangs_is_ended_as_a_whole(
    ansible: Ansible, host1: LabHost, settings: DjangoSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NIGHTDESK_PLAYBOOKS = str(tmp_path)
    (tmp_path / "close.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - name: 'Effect: never comes back'\n      ansible.builtin.command: sleep 987\n"
    )
    monkeypatch.setattr("secops.connectors.ansible.play", lambda *given: play(*given, seconds=15))
    began = time.monotonic()

    with pytest.raises(Doubt, match="took too long"):
        ansible.isolate(ONE, "", "isolate-hang")

    assert time.monotonic() - began < 18
    mine = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"nightdesk-ssh-" in _read(path)]
    assert mine == []
    assert folders() == set()


def test_the_key_is_in_no_argument_and_gone_afterwards(ansible: Ansible, lab: Lab) -> None:
    body = (lab.folder / "key").read_text().splitlines()[1].encode()
    handle = ansible.acquire(ONE, "disk", "disk-key")
    done = finished(ansible, handle)

    stream = ansible.fetch_part(ONE, handle, done.parts[0], 0)
    next(stream)
    (folder,) = folders()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not (folder / "key").exists()
    assert all(body not in _read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    stream.close()

    assert folders() == set()


def test_a_refused_key_is_said_in_our_words(lab: Lab, ansible: Ansible) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(lab.folder / f"other-{os.getpid()}"))
    other = Ansible(
        Settings(
            values=ansible.settings.values,
            secrets={"private_key": (lab.folder / f"other-{os.getpid()}").read_text()},
        )
    )

    with pytest.raises(HttpError, match=r"host1 cannot be used: it refused our key"):
        other.isolation_state(ONE)
    assert isinstance(other._login(), Login)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
