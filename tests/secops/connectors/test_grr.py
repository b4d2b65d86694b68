"""GRR: one flow a key, bytes from any place, and what is said when a device or GRR does not give them."""

import base64
import hashlib
import io
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from secops.connectors import grr_package
from secops.connectors.capabilities.acquisition import DISK, FILE, MEMORY, TRIAGE, Acquires, Acquisition, Part
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceLimited
from secops.connectors.capabilities.identity import Host
from secops.connectors.grr import Grr
from secops.http import Answer, HttpError
from secops.practice.products import grr_flows
from secops.practice.week.programs import BEACON
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

HOST = Host(name="FIN-LT-0142")
VALUES = {"url": "https://grr.test", "username": "nightdesk", "windows_memory": "\\\\.\\pmem"}
CLIENT = {
    "clientId": "C.1",
    "osInfo": {"system": "Windows", "fqdn": "fin-lt-0142.brightwater.example"},
    "memorySize": "1000",
}
FOUND = ("clients?", answer({"items": [CLIENT]}))


def grr(*answers: tuple[str, Answer | HttpError], **values: str) -> tuple[Grr, FakeHttp]:
    page = answer({}, headers={"Set-Cookie": "csrftoken=tok; Path=/"})
    return connected(Grr, VALUES | values, {"password": "p"}, [*answers, ("grr.test/", page)])


def started(*, flows: Answer | None = None, then: Answer | HttpError) -> tuple[Grr, FakeHttp]:
    """A GRR that knows the device, lists these flows and answers a new one like that."""
    listed = flows or answer({})
    return grr(("/clients/C.1/flows", listed), ("/clients/C.1/flows", then), ("/clients", answer({"items": [CLIENT]})))


@pytest.fixture
def real(attached: Callable[..., Any], practice: Range, monkeypatch: pytest.MonkeyPatch) -> Grr:
    monkeypatch.setattr(grr_flows, "BYTES_PER_SECOND", 64 << 20)
    monkeypatch.setattr(grr_flows, "CALLS_AFTER", 0.2)
    values = {"url": f"{practice.base}/grr", "username": practice.keys["grr_user"], "windows_memory": "\\\\.\\pmem"}
    return cast(Grr, attached(Grr, values, {"password": practice.keys["grr_password"]}))


def done(real: Grr, handle: str, host: Host = HOST) -> Acquisition:
    for _ in range(60):
        found = real.acquisition(host, handle)
        if found.state not in {"queued", "running"}:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def test_it_can_acquire_and_answers_its_test(real: Grr) -> None:
    assert isinstance(real, Acquires)
    assert real.test() == "GRR 3.4.7 answers and lets this account start flows."


def test_memory_is_asked_for_once_a_key_and_comes_with_its_hash(real: Grr) -> None:
    handle = real.acquire(HOST, MEMORY, "key-1")

    first = real.acquisition(HOST, handle)
    again = real.acquire(HOST, MEMORY, "key-1")
    other = real.acquire(HOST, MEMORY, "key-2")
    found = done(real, handle)
    bytes_of_it = b"".join(real.fetch_part(HOST, handle, found.parts[0], 0))
    rest = b"".join(real.fetch_part(HOST, handle, found.parts[0], 4_000_000))

    assert (first.state, first.done_bytes, first.total_bytes) == ("running", 0, 4 << 20)
    assert handle == again != other
    assert (found.state, found.tool, found.tool_version) == ("done", "GRR", "3471")
    assert [(one.name, one.size) for one in found.parts] == [("memory.raw", 4 << 20)]
    assert found.parts[0].sha256 == hashlib.sha256(bytes_of_it).hexdigest()
    assert rest == bytes_of_it[4_000_000:]
    assert found.clock_offset_seconds is not None
    assert b"cdn-metrics.example" in bytes_of_it


def test_a_triage_package_is_one_file_that_can_be_gone_on_with_at_any_byte(real: Grr) -> None:
    handle = real.acquire(HOST, TRIAGE, "key-t")
    found = done(real, handle)
    (whole,) = found.parts

    packed = b"".join(real.fetch_part(HOST, handle, whole, 0))
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        names = files.getnames()
        manifest, table = (files.extractfile(name).read() for name in ("MANIFEST.csv", "$MFT"))  # type: ignore[union-attr]

    assert len(packed) == whole.size
    assert names[0] == "MANIFEST.csv"
    assert {"$MFT", "Windows/System32/Tasks/OneDriveSync/Update check"} <= set(names)
    assert f"{len(names) - 1} files" in found.note
    for offset in (1, 511, 700, 2_048, whole.size - 1_024, whole.size - 3, whole.size):
        assert b"".join(real.fetch_part(HOST, handle, whole, offset)) == packed[offset:]
    assert hashlib.sha256(table).hexdigest() in manifest.decode()


def test_one_file_comes_by_its_path(real: Grr) -> None:
    handle = real.acquire(HOST, FILE, "key-f", path=BEACON.image)
    found = done(real, handle)

    assert [(one.name, one.sha256) for one in found.parts] == [("updater.exe", BEACON.sha256)]
    assert b"".join(real.fetch_part(HOST, handle, found.parts[0], 0)) == BEACON.content

    nothing = real.acquire(HOST, FILE, "key-g", path="C:\\no\\such.exe")
    assert done(real, nothing).text == "GRR found nothing of what was asked for on the device"


@pytest.mark.skipif(not shutil.which("debugfs"), reason="e2fsprogs is not installed")
def test_a_disk_is_a_file_system_and_an_abandoned_one_ends_at_the_product(
    real: Grr, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = real.acquire(HOST, DISK, "key-d")
    found = done(real, handle)
    image = b"".join(real.fetch_part(HOST, handle, found.parts[0], 0))
    assert image[1_080:1_082] == b"\x53\xef"  # the magic number of ext

    monkeypatch.setattr(grr_flows, "BYTES_PER_SECOND", 1)
    slow = real.acquire(HOST, DISK, "key-slow")
    real.abandon(HOST, slow)
    real.abandon(HOST, slow)
    ended = real.acquisition(HOST, slow)
    assert (ended.state, ended.text) == ("failed", "GRR ended it: Cancelled in GUI")


def test_a_device_that_is_away_is_said_to_be_away(real: Grr, practice: Range, monkeypatch: pytest.MonkeyPatch) -> None:
    def plug(online: bool) -> None:
        real.http.request("PUT", f"{practice.base}/control/devices/SAL-LT-0077", json={"online": online})

    host = Host(name="SAL-LT-0077")
    plug(False)
    handle = real.acquire(host, MEMORY, "key-away")
    time.sleep(0.3)

    waiting = real.acquisition(host, handle)
    plug(True)

    assert waiting.state == "queued"
    assert waiting.text.startswith("GRR has not seen the device for")
    assert done(real, handle, host).state == "done"


def test_what_is_known_to_have_done_nothing(real: Grr) -> None:
    with pytest.raises(NoEffect, match="no agent"):
        real.acquire(Host(name="NO-SUCH-1"), MEMORY, "key-n")
    silent, http = grr(("/clients", answer({"items": [CLIENT]})), windows_memory="")
    with pytest.raises(NoEffect, match="memory driver"):
        silent.acquire(HOST, MEMORY, "key-n")
    for path in ("", "C:\\Users\\*", "/etc/{passwd,shadow}", "%%users.homedir%%/x"):
        asked, http = grr(("/clients", answer({"items": [CLIENT]})))
        with pytest.raises(NoEffect, match="pattern"):
            asked.acquire(HOST, FILE, "key-n", path=path)
    double, _ = grr(("/clients", answer({"items": [CLIENT, CLIENT | {"clientId": "C.2"}]})))
    with pytest.raises(NoEffect, match="several devices"):
        double.acquire(HOST, DISK, "key-n")
    assert [call for call in http.calls if call.method == "POST"] == []


@pytest.mark.parametrize(("status", "wait"), [(403, None), (404, None), (422, None), (429, 60.0), (401, 1.0)])
def test_a_refusal_has_done_nothing(status: int, wait: float | None) -> None:
    connector, _ = started(then=answer({"message": "their words"}, status))

    with pytest.raises(NoEffect) as caught:
        connector.acquire(HOST, MEMORY, "key")
    assert caught.value.retry_after == wait
    assert "their words" not in str(caught.value)


@pytest.mark.parametrize(
    "then",
    [answer({}, 500), answer({}), HttpError("grr.test broke off", was_sent=True)],
    ids=["error", "no flow named", "no answer"],
)
def test_what_may_have_arrived_is_in_doubt(then: Answer | HttpError) -> None:
    connector, _ = started(then=then)

    with pytest.raises(Doubt):
        connector.acquire(HOST, MEMORY, "key")


def test_after_a_doubt_the_flow_that_arrived_is_found_by_its_arguments() -> None:
    asked, http = started(then=answer({}, 500))
    with pytest.raises(Doubt):
        asked.acquire(HOST, MEMORY, "key")
    sent = next(call for call in http.calls if call.method == "POST").options["json"]["flow"]
    listed = answer({"items": [{"name": "ReadLowLevel", "args": {}, "flowId": "A"}, sent | {"flowId": "B"}]})

    again, http = started(flows=listed, then=answer({}, 500))

    assert again.acquire(HOST, MEMORY, "key") == "memory/C.1/B"
    assert [call for call in http.calls if call.method == "POST"] == []


def test_a_hostile_answer_is_an_error_of_ours_or_nothing() -> None:
    handle = "triage/C.1/F"
    flow = {"state": "TERMINATED", "args": [], "context": "x", "startedAt": "9" * 40}
    items = [7, {"payload": 7}, {"payload": {"statEntry": {"pathspec": {"path": 7}}, "hashEntry": {"sha256": "!"}}}]
    connector, _ = grr(
        ("/results", answer({"items": items})),
        ("/flows/F", answer(flow)),
        ("/clients/C.1", answer({"lastSeenAt": [], "agentInfo": 7})),
    )

    found = connector.acquisition(Host(name="X"), handle)

    assert (found.state, found.started_at, found.tool_version) == ("done", None, "")
    broken, _ = grr(("/flows/F", answer(b"<html>")), ("/clients", answer(b"[]")))
    with pytest.raises(HttpError):
        broken.acquisition(Host(name="X"), handle)


def collected(*specs: dict[str, Any], size: int = 3) -> tuple[str, Answer]:
    """The page of results for files with these paths."""
    known = {"sha256": base64.b64encode(hashlib.sha256(b"abc").digest()).decode(), "numBytes": str(size)}
    return (
        "/results",
        answer({"items": [{"payload": {"statEntry": {"pathspec": x}, "hashEntry": known}} for x in specs]}),
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"path": "/../../../../../users/admin"},
        {"path": "/etc/./passwd"},
        {"path": "/etc//passwd"},
        {"path": "/a", "pathtype": "../../../flows"},
        {"path": "\\\\.\\C:", "nestedPath": {"path": "/Users/../../.."}},
    ],
)
def test_a_device_cannot_choose_what_is_fetched_from_grr(spec: dict[str, Any]) -> None:
    ended = ("/flows/F", answer({"state": "TERMINATED"}))
    client = ("/clients/C.1", answer({"clientId": "C.1"}))
    connector, _ = grr(collected(spec, {"path": "/etc/hosts"}), ended, client)

    found = connector.acquisition(HOST, "triage/C.1/F")

    hosts = grr_package.Member(path="/etc/hosts", vfs="fs/os/etc/hosts", size=3, sha256="")
    assert found.parts[0].size == grr_package.size_of([hosts])
    assert "from 1 files" in found.note
    assert found.note.endswith("the path that the device says: 1.")
    alone, http = grr(collected(spec), ended, client)
    found = alone.acquisition(HOST, "file/C.1/F")
    assert (found.state, found.parts) == ("failed", ())
    assert found.text.startswith("Left out")
    with pytest.raises(HttpError, match="cannot be asked for") as caught:
        alone.api.get("clients/C.1/vfs-blob/fs/os/../../../../users/admin")
    assert not caught.value.was_sent
    assert http.asked("users/admin") == []


def test_each_segment_of_a_path_is_quoted_whole() -> None:
    connector, http = grr(("vfs-blob", answer({})))

    connector.api.get("clients/C.1/vfs-blob/fs/ntfs/\\\\.\\C:/a b?c#d%2e%2e/ü")

    assert http.calls[0].url.endswith("/vfs-blob/fs/ntfs/%5C%5C.%5CC%3A/a%20b%3Fc%23d%252e%252e/%C3%BC")


@pytest.mark.parametrize("pieces", [1, 511, 700, 1 << 20])
def test_a_check_names_the_files_that_are_not_what_grr_hashed(pieces: int) -> None:
    contents = {"/a": b"a" * 700, "/b": b"b" * 512, "/none": b"", "/c": b"c"}
    members = [
        grr_package.Member(path=path, vfs=path, size=len(body), sha256=hashlib.sha256(body).hexdigest())
        for path, body in contents.items()
    ]

    def wrong(sent: dict[str, bytes], listed: list[grr_package.Member]) -> list[str]:
        packed = b"".join(grr_package.stream(listed, 0, lambda one, at: iter([sent[one.path][at:]])))
        check = grr_package.Check(members)
        for at in range(0, len(packed), pieces):
            check.update(packed[at : at + pieces])
        return check.wrong()

    assert wrong(contents, members) == []
    assert wrong(contents | {"/b": b"x" * 512, "/c": b"d"}, members) == ["/b", "/c"]
    other = [replace(one, sha256="0" * 64) for one in members]
    assert wrong(contents, other) == ["MANIFEST.csv"]


def test_a_file_is_fetched_as_it_was_when_the_flow_brought_it() -> None:
    asked: list[dict[str, str]] = []
    page = collected({"path": "/etc/hosts"})[1].json()
    page["items"][0]["timestamp"] = "1764324000000000"

    def stream(url: str, **options: Any) -> Iterator[bytes]:
        asked.append(options["params"])
        yield b"abc"

    for what in ("file", "triage"):
        connector, http = grr(("/results", answer(page)))
        http.stream = stream  # type: ignore[attr-defined]
        b"".join(connector.fetch_part(HOST, f"{what}/C.1/F", Part(name="x", size=3), 0))

    assert asked == [{"offset": "0", "timestamp": "1764324000000000"}] * 2


def test_a_member_shorter_than_was_said_ends_the_package() -> None:
    member = grr_package.Member(path="/a", vfs="fs/os/a", size=10, sha256="")

    with pytest.raises(HttpError, match="fewer bytes"):
        list(grr_package.stream([member], 0, lambda one, at: iter([b"short"])))


def test_later_is_told_while_reading_too() -> None:
    connector, http = grr()

    def stream(url: str, **options: Any) -> Iterator[bytes]:
        raise HttpError("later", status=429, retry_after=9)
        yield b""

    http.stream = stream  # type: ignore[attr-defined]

    with pytest.raises(SourceLimited) as caught:
        list(connector.api.stream("clients/C.1/vfs-blob/temp/x", 5))
    assert caught.value.retry_after == 9
