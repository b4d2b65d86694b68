"""GRR in the range: flows that take their time, the files that they bring, and the refusals of the real one."""

import base64
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from secops.practice.products import grr_flows
from tests.secops.practice.conftest import Client

MEMORY = {"path": "\\\\.\\pmem", "length": str(1 << 40)}


class Caller:
    """Who speaks GRR's API with the range's credentials."""

    def __init__(self, practice: Client) -> None:
        self.base, keys = f"{practice.base}/grr", practice.credentials
        self.session = requests.Session()
        self.session.auth = (keys["grr_user"], keys["grr_password"])
        self.session.headers["X-CSRFToken"] = self.session.get(f"{self.base}/", timeout=10).cookies["csrftoken"]

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.base}/api/v2/{path}", timeout=10)

    def read(self, path: str) -> Any:
        return read(self.get(path))

    def client(self, name: str) -> str:
        found: str = self.read(f"clients?query=host:{name}")["items"][0]["clientId"]
        return found

    def start(self, client: str, name: str, args: dict[str, Any], **runner: Any) -> requests.Response:
        body = {"flow": {"name": name, "args": args, "runnerArgs": runner}}
        return self.session.post(f"{self.base}/api/v2/clients/{client}/flows", json=body, timeout=10)

    def ended(self, client: str, flow: str) -> dict[str, Any]:
        for _ in range(40):
            found: dict[str, Any] = self.read(f"clients/{client}/flows/{flow}")
            if found["state"] != "RUNNING":
                return found
            time.sleep(0.1)
        raise AssertionError(found)


def read(answer: requests.Response) -> Any:
    assert answer.text.startswith(")]}'\n")
    return json.loads(answer.text.removeprefix(")]}'\n"))


@pytest.fixture
def grr(practice: Client, monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(grr_flows, "BYTES_PER_SECOND", 64 << 20)
    monkeypatch.setattr(grr_flows, "CALLS_AFTER", 0.1)
    return Caller(practice)


def test_nobody_asks_without_a_password_and_nobody_acts_without_the_token(practice: Client, grr: Caller) -> None:
    assert requests.get(f"{grr.base}/api/v2/clients", timeout=10).status_code == 401
    del grr.session.headers["X-CSRFToken"]
    assert grr.start(grr.client("LT-1"), "ReadLowLevel", MEMORY).status_code == 403
    assert practice.effects() == []


def test_memory_is_read_in_some_time_and_then_there_to_be_fetched_from_any_byte(grr: Caller) -> None:
    client = grr.client("lt-1.tiny.example")
    started = read(grr.start(client, "ReadLowLevel", MEMORY))
    assert (started["state"], started["context"]["networkBytesSent"]) == ("RUNNING", "0")

    assert grr.ended(client, started["flowId"])["state"] == "TERMINATED"
    path = grr.read(f"clients/{client}/flows/{started['flowId']}/results")["items"][0]["payload"]["path"]
    file = grr.read(f"clients/{client}/vfs-details/temp/{path}")["file"]
    whole = grr.get(f"clients/{client}/vfs-blob/temp/{path}").content
    rest = grr.get(f"clients/{client}/vfs-blob/temp/{path}?offset=4000000&length=100").content

    assert len(whole) == int(file["lastCollectedSize"]) == 4 << 20
    assert base64.b64decode(file["hash"]["sha256"]) == hashlib.sha256(whole).digest()
    assert rest == whole[4_000_000:4_000_100]
    assert b"Practice range: simulated" in whole


def test_the_bytes_sent_grow_while_it_runs(practice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grr_flows, "CALLS_AFTER", 0.0)
    grr = Caller(practice)
    client = grr.client("LT-1")
    flow = read(grr.start(client, "ReadLowLevel", MEMORY))["flowId"]
    seen = []

    for _ in range(3):
        time.sleep(0.15)
        seen.append(int(grr.read(f"clients/{client}/flows/{flow}")["context"]["networkBytesSent"]))

    assert 0 < seen[0] < seen[1] < seen[2] < 4 << 20


def test_files_are_collected_by_globs_each_with_its_hash(grr: Caller) -> None:
    client = grr.client("LT-1")
    args = {"paths": ["C:\\Windows\\Prefetch\\*", "C:\\nothing"], "pathtype": "NTFS"}
    flow = read(grr.start(client, "FileFinder", args))["flowId"]
    grr.ended(client, flow)

    found = grr.read(f"clients/{client}/flows/{flow}/results?count=2")

    assert len(found["items"]) == 2 < int(found["totalCount"])
    spec = found["items"][0]["payload"]["statEntry"]["pathspec"]
    assert spec["nestedPath"]["path"].startswith("/Windows/Prefetch/")
    assert found["items"][0]["payload"]["hashEntry"]["sha256"]


@pytest.mark.skipif(not shutil.which("debugfs"), reason="e2fsprogs is not installed")
def test_the_disk_is_a_file_system_with_a_deleted_file(grr: Caller, practice: Client) -> None:
    client = grr.client("LT-1")
    flow = read(grr.start(client, "ReadLowLevel", {"path": "\\\\.\\PhysicalDrive0", "length": str(1 << 40)}))["flowId"]
    assert grr.ended(client, flow)["state"] == "TERMINATED"

    image = practice.folder / "acquired/LT-1/disk.raw"
    said = subprocess.run(["debugfs", "-R", "ls -d -l /Users/b.ek/AppData/Local/Temp", image], capture_output=True)

    assert b"<" in said.stdout  # debugfs writes the inode of a deleted entry in angle brackets
    assert b"skerry.exe" in said.stdout


def test_a_machine_without_e2fsprogs_says_so(grr: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    client = grr.client("LT-1")
    flow = read(grr.start(client, "ReadLowLevel", {"path": "\\\\.\\PhysicalDrive0", "length": "9"}))["flowId"]

    ended = grr.ended(client, flow)

    assert (ended["state"], ended["context"]["status"][:13]) == ("ERROR", "no disk image")


def test_a_device_that_is_off_keeps_its_flow_waiting_and_a_cancelled_one_ends(grr: Caller) -> None:
    client = grr.client("LT-2")  # inactive
    flow = read(grr.start(client, "ReadLowLevel", MEMORY))["flowId"]
    time.sleep(0.3)
    waiting = grr.read(f"clients/{client}/flows/{flow}")
    known = grr.read(f"clients/{client}")

    ended = read(grr.session.post(f"{grr.base}/api/v2/clients/{client}/flows/{flow}/actions/cancel", timeout=10))

    assert (waiting["state"], waiting["context"]["networkBytesSent"]) == ("RUNNING", "0")
    assert int(known["lastSeenAt"]) < (time.time() - 3_600) * 1_000_000
    assert (ended["state"], ended["context"]["status"]) == ("ERROR", "Cancelled in GUI")


def test_what_grr_refuses(grr: Caller, monkeypatch: pytest.MonkeyPatch, practice: Client) -> None:
    monkeypatch.setattr(grr_flows, "DAILY_FLOWS", 1)
    client = grr.client("LT-1")

    assert grr.start(grr.client("SRV-1"), "ReadLowLevel", MEMORY).status_code == 403  # no approval
    assert grr.start(client, "ReadLowLevel", {"path": "\\\\.\\pmem"}).status_code == 422
    assert grr.start(client, "FormatDisk", {}).status_code == 422
    assert grr.start(client, "ReadLowLevel", MEMORY).status_code == 200
    assert grr.start(client, "ReadLowLevel", MEMORY).status_code == 429
    assert grr.get(f"clients/{client}/vfs-blob/temp/none").status_code == 404
    assert grr.read("clients?query=host:TB-1") == {}  # no agent runs there
    assert len(practice.effects()) == 1


def test_flows_survive_a_restart(
    grr: Caller, start_range: Callable[[], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = grr.client("LT-1")
    flow = read(grr.start(client, "ReadLowLevel", MEMORY, networkBytesLimit="1000"))["flowId"]

    again = Caller(start_range())
    ended = again.ended(client, flow)

    assert ended["context"]["status"] == "Network bytes limit exceeded."
