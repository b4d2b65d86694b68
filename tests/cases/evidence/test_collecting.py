"""Evidence that comes in over many polls: gone on with by anybody, kept once, and never sealed when it is not right."""

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cases.errors import BusyError, EvidenceError, StoreFullError
from cases.models import Case, CustodyEntry, Evidence
from cases.services import collecting, evidence, inbox, inspection, partials, quota
from cases.services.collecting import Collected, Source, collect, give_up
from cases.services.described import Acquired
from cases.services.partials import partial
from secops.models import User
from tests.cases.evidence.conftest import path_of, spoil, take

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REF = "step 7: disk.raw"


def source(content: bytes = CONTENT, *, size: int = len(CONTENT), breaks_at: int | None = None) -> Source:
    """A product that sends a megabyte at a time, and breaks off where it is told to."""

    def read(offset: int) -> Iterator[bytes]:
        for at in range(offset, len(content), 1_000_000):
            if breaks_at is not None and at >= breaks_at:
                raise ConnectionError("the other side went away")
            yield content[at : at + 1_000_000]

    return Source(ref=REF, size=size, read=read)


def held(folder: Path) -> list[str]:
    """Files of the store that this process has open."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that lists them
            names.append(os.readlink(f"/proc/self/fd/{number}"))
    return [name for name in names if name.startswith(str(folder))]


def begin_anew(path: Path, content: bytes) -> bool:
    """Another file under that name, of the same inode where that is given again; says whether it was."""
    inode, spares = path.stat().st_ino, []
    path.unlink()
    for number in range(500):
        spares.append(path.with_suffix(f".{number}"))
        spares[-1].write_bytes(b"")
        if spares[-1].stat().st_ino == inode:
            break
    is_again = spares[-1].stat().st_ino == inode
    spares[-1].rename(path)
    path.write_bytes(content)
    for spare in spares[:-1]:
        spare.unlink()
    return is_again


def fetch(case: Case, what: Source, *, seconds: float = 10, **acquired: Any) -> Collected:
    words = {"kind": "disk", "title": "Disk of FIN-LT-0142", "file_name": "disk.raw"}
    return collect(case.pk, what, Acquired(**acquired), seconds=seconds, **words)


def test_what_comes_in_one_go_is_sealed_with_its_hash(
    case: Case, folder: Path, files: Callable[[], list[Path]]
) -> None:
    found = fetch(case, source(), source_sha256=SHA256, tool="GRR", note="Packed from 3 files.")

    assert found.item is not None
    assert (found.done_bytes, found.item.sha256, found.item.state) == (len(CONTENT), SHA256, "sealed")
    assert [entry.action for entry in CustodyEntry.objects.all()] == ["acquired", "received", "sealed"]
    assert CustodyEntry.objects.all()[0].details["note"] == "Packed from 3 files."
    assert [path.name for path in files()] == [SHA256]
    assert list((folder / "tmp").iterdir()) == []
    assert list(inspection.problems(case)) == []


def test_it_goes_on_from_slice_to_slice_and_is_kept_once(case: Case) -> None:
    asked: list[int] = []
    plain = source()

    def read(offset: int) -> Iterator[bytes]:
        asked.append(offset)
        return plain.read(offset)

    slow = Source(ref=REF, size=len(CONTENT), read=read)
    seen = [fetch(case, slow, seconds=0) for _ in range(4)]

    assert [one.done_bytes for one in seen] == [1_000_000, 2_000_000, 3_000_000, 3_000_000]
    assert [one.item is None for one in seen] == [True, True, False, False]
    assert asked == [0, 1_000_000, 2_000_000]
    first, again = seen[2].item, seen[3].item
    assert first == again
    assert first is not None
    assert first.sha256 == SHA256
    assert Evidence.objects.count() == 1


def test_a_source_that_breaks_off_is_gone_on_with(case: Case) -> None:
    with pytest.raises(ConnectionError):
        fetch(case, source(breaks_at=2_000_000))
    assert Evidence.objects.count() == 0

    item = fetch(case, source()).item

    assert item is not None
    assert item.sha256 == SHA256


def test_another_process_hashes_again_what_it_did_not_see(case: Case) -> None:
    fetch(case, source(), seconds=0)
    seen = []

    for _ in range(10):
        for path in list(partials._seen):
            partials._forget(path)  # as a worker that starts fresh
        seen.append(found := fetch(case, source(), seconds=0, source_sha256=SHA256))
    assert seen[-1].text == "All of it is here and is being hashed"
    for _ in range(3):
        found = fetch(case, source(), seconds=0, source_sha256=SHA256)  # one that stays

    item = found.item
    assert item is not None
    assert item.state == "sealed"


def test_a_file_begun_anew_by_another_worker_is_not_taken_for_the_one_that_was_hashed(case: Case, folder: Path) -> None:
    fetch(case, source(), seconds=0)
    (path,) = (folder / "tmp").iterdir()
    probe = folder / "tmp" / "probe"
    probe.touch()
    if not begin_anew(probe, b""):
        pytest.skip("this file system gives no inode twice")
    probe.unlink()
    other = CONTENT[::-1]
    begin_anew(path, other[:2_000_000])

    item = fetch(case, source(other)).item

    assert item is not None
    assert item.sha256 == hashlib.sha256(other).hexdigest()


def test_no_file_is_held_open_once_it_is_kept_or_gone(case: Case, folder: Path) -> None:
    fetch(case, source(), seconds=0)
    (path,) = (folder / "tmp").iterdir()
    assert held(folder) == [str(path)]

    fetch(case, source())
    assert held(folder) == []

    with partial("x") as draft:
        draft.write(b"abc")
    draft.path.unlink()  # by another worker
    partial("y").discard()
    assert held(folder) == []


def test_what_differs_from_its_source_is_kept_marked_and_not_sealed(case: Case) -> None:
    item = fetch(case, source(), source_sha256="0" * 64).item

    assert item is not None
    assert (item.differs_from_source, item.sealed_at, item.state) == (True, None, "mismatch")
    assert "NOT what its source hashed" in case.timeline.latest("seq").text


class Checked:
    """A package of one file, and what its source said of it."""

    def __init__(self, sha256: str) -> None:
        self._said, self._hash = sha256, hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        self._hash.update(chunk)

    def wrong(self) -> list[str]:
        return [] if self._hash.hexdigest() == self._said else ["/var/log/auth\u202e.log"]


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_package_with_a_file_that_differs_is_kept_marked_and_not_sealed(
    case: Case, analyst: User, is_interrupted: bool
) -> None:
    def item_of(ref: str, sha256: str) -> Evidence:
        what = replace(source(), ref=ref, check=lambda: Checked(sha256))
        if is_interrupted:
            fetch(case, what, seconds=0)
            partials._seen.clear()  # as a worker that starts fresh
        found = fetch(case, what, note="Packed.").item
        assert found is not None
        return found

    wrong, right = item_of("wrong", "0" * 64), item_of("right", SHA256)

    assert (wrong.state, wrong.sealed_at, wrong.wrong_members) == ("mismatch", None, 1)
    assert wrong.note == "NOT what their source hashed: /var/log/auth\ufffd.log. Packed."
    told = CustodyEntry.objects.filter(evidence=wrong, action="acquired").get().details
    assert (told["wrong_members"], told["note"]) == (1, wrong.note)
    with pytest.raises(EvidenceError, match="not what its source hashed"):
        evidence.seal(wrong.pk, actor=analyst)
    assert (right.state, right.wrong_members, right.note) == ("sealed", 0, "Packed.")
    assert list(inspection.problems(case)) == []


@pytest.mark.parametrize(
    ("what", "says"),
    [(source(size=2_500_000), "more bytes than it said"), (source(CONTENT[:10], size=10), "smaller")],
    ids=["longer", "shorter than before"],
)
def test_a_source_that_is_another_than_it_said_is_refused_and_leaves_nothing(
    case: Case, folder: Path, what: Source, says: str
) -> None:
    fetch(case, source(), seconds=0)

    with pytest.raises(EvidenceError, match=says):
        fetch(case, what)
    assert Evidence.objects.count() == 0
    assert list((folder / "tmp").iterdir()) == []


def test_a_source_that_ends_early_is_asked_again_and_not_taken_for_whole(case: Case) -> None:
    assert fetch(case, source(CONTENT[:2_000_000])) == Collected(done_bytes=2_000_000)
    assert fetch(case, source()).item is not None


def test_two_workers_never_write_at_once(case: Case) -> None:
    with partial(REF) as draft:
        draft.write(CONTENT[:1_000])
        with pytest.raises(BusyError):
            partial(REF)
        assert fetch(case, source()).text == "Another worker is at it"

    item = fetch(case, source()).item
    assert item is not None
    assert item.sha256 == SHA256


def test_a_worker_that_died_after_the_row_leaves_one_item_all_the_same(
    case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partials.Partial, "discard", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fetch(case, source())
    monkeypatch.undo()

    found = fetch(case, source())

    assert found.item == Evidence.objects.get()
    give_up(REF)
    assert list((folder / "tmp").iterdir()) == []
    assert path_of(Evidence.objects.get()).read_bytes() == CONTENT


def test_a_finished_file_is_never_written_again(case: Case) -> None:
    with partial("x") as draft:
        draft.write(b"abc")
        assert draft.catch_up(time.monotonic() + 1)
        draft.finish()
    with partial("x") as again, pytest.raises(RuntimeError):
        again.write(b"d")


def test_the_sweep_leaves_a_partial_of_today_and_takes_one_that_nobody_came_back_for(folder: Path) -> None:
    with partial("x") as draft:
        draft.write(b"abc")
        path = draft.path
    yesterday = time.time() - inbox.STALE_SECONDS

    os.utime(path, (yesterday + 60, yesterday + 60))
    partial("y").discard()
    assert path.exists()

    os.utime(path, (yesterday - 60, yesterday - 60))
    partial("y").discard()
    assert not path.exists()


def test_a_case_that_is_full_is_told_before_anything_is_fetched(
    case: Case, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVIDENCE_CASE_BYTES = 1_000
    with pytest.raises(StoreFullError):
        fetch(case, Source(ref=REF, size=2_000, read=lambda offset: pytest.fail("was asked")))
    settings.EVIDENCE_CASE_BYTES = 0
    monkeypatch.setattr(quota, "require_room", lambda *_: None)
    monkeypatch.setattr(inbox.shutil, "disk_usage", lambda root: type("Disk", (), {"total": 100, "free": 50})())
    with pytest.raises(StoreFullError):
        fetch(case, Source(ref=REF, size=2_000, read=lambda offset: pytest.fail("was asked")))


def test_given_up_leaves_nothing(folder: Path, case: Case) -> None:
    fetch(case, source(), seconds=0)

    give_up(REF)

    assert list((folder / "tmp").iterdir()) == []
    assert collecting.Evidence.objects.count() == 0


@pytest.fixture
def small_disk(folder: Path) -> Iterator[None]:
    """The store on a file system of 2 MB."""
    folder.mkdir(parents=True)
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.usefixtures("small_disk")
def test_a_disk_that_fills_up_meanwhile_is_told_and_leaks_no_draft(case: Case, folder: Path) -> None:
    with pytest.raises(StoreFullError, match="disk is full"):
        take(case, CONTENT)

    def read(offset: int) -> Iterator[bytes]:
        yield bytes(500_000)
        (folder / "others").write_bytes(bytes(1_400_000))
        yield bytes(500_000)

    with pytest.raises(StoreFullError, match="disk is full"):
        fetch(case, Source(ref=REF, size=1_000_000, read=read))
    (folder / "others").unlink()

    assert list((folder / "tmp").iterdir()) == []
    assert Evidence.objects.count() == 0
    assert take(case, b"there is room again").size == 19


def test_the_same_bytes_later_do_not_mend_by_themselves_what_was_damaged(case: Case) -> None:
    item = fetch(case, source()).item
    assert item is not None
    spoil(item)

    assert fetch(case, source()).item == item
    assert list(inspection.problems(case)) != []
