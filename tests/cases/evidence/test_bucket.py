"""Evidence in a bucket of a real object store: whole or not at all, and gone on with by anybody."""

import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse

from cases.errors import EvidenceError, StoreFullError
from cases.models import Case, CustodyEntry, Evidence
from cases.services import bucket as buckets
from cases.services import evidence, exports, inbox, inspection, retention
from cases.services.collecting import Collected, Source, collect, give_up
from cases.services.described import Acquired
from cases.services.store import bucket_store, digest_of, store
from enrichment.services import workbench
from secops.http import HttpError
from secops.models import User
from secops.s3 import Objects, StoreAwayError
from tests.cases.evidence.conftest import take
from tests.cases.views.test_evidence import upload

CONTENT = os.urandom(5_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = f"house/sha256/{SHA256}"
REF = "step 7: disk.raw"


@pytest.fixture(autouse=True)
def objects(bucket: Objects, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Parts of a megabyte, so that a small image has some."""
    monkeypatch.setattr(buckets, "PART", 1 << 20)
    return bucket


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the parts that were sent."""
    numbers: list[int] = []
    put = Objects.put_part

    def seen(self: Objects, key: str, upload: str, number: int, content: bytes) -> Any:
        numbers.append(number)
        return put(self, key, upload, number, content)

    monkeypatch.setattr(Objects, "put_part", seen)
    return numbers


def fetch(case: Case, seconds: float = 0.0) -> Collected:
    def read(offset: int) -> Iterator[bytes]:
        yield CONTENT[offset:]

    source = Source(ref=REF, size=len(CONTENT), read=read)
    return collect(case.pk, source, Acquired(), seconds=seconds, kind="disk", title="Disk", file_name="disk.raw")


def left(folder: Path) -> list[str]:
    return sorted(path.suffix for path in (folder / "tmp").iterdir())


def spoil(objects: Objects, item: Evidence) -> None:
    """One byte of it, by somebody who has the bucket's key."""
    objects.put(
        f"house/sha256/{item.sha256}", b"X" + b"".join(objects.read(f"house/sha256/{item.sha256}"))[1:], is_new=False
    )


def test_an_item_is_in_the_bucket_under_its_hash_and_nowhere_else(
    case: Case, item: Evidence, objects: Objects, folder: Path, analyst: User
) -> None:
    assert list(objects.keys("")) == [f"house/sha256/{item.sha256}"]
    assert left(folder) == []
    assert not (folder / "sha256").exists()
    assert b"".join(exports.chunks(item.sha256)) == b"MZ the loader"
    assert evidence.verify(item.pk, actor=analyst)
    assert take(case, b"MZ the loader").number == "E-2"
    assert list(store().hashes()) == [item.sha256]
    assert list(inspection.problems(case)) == list(inspection.unknown_files()) == []


def test_what_was_changed_or_taken_in_the_bucket_is_told(case: Case, item: Evidence, objects: Objects) -> None:
    gone = take(case, b"another")
    spoil(objects, item)
    objects.delete(f"house/sha256/{gone.sha256}")

    assert not evidence.verify(item.pk)
    found = hashlib.sha256(b"XZ the loader").hexdigest()[:12]
    assert list(inspection.problems(case)) == [
        f"{case.number}: E-1 (file {item.sha256[:12]}…) was changed; it is now {found}…",
        f"{case.number}: E-2 (file {gone.sha256[:12]}…) is missing",
    ]


@pytest.mark.slow
def test_an_image_goes_in_parts_a_slice_at_a_time_and_each_part_once(
    case: Case, objects: Objects, folder: Path, sent: list[int]
) -> None:
    texts = []
    while not (found := fetch(case)).item:
        texts.append(found.text)
        assert not Evidence.objects.exists()

    assert sent == [1, 2, 3, 4, 5]
    assert texts[-1] == "All of it is here and is on its way to the evidence store"
    assert (found.item.sha256, found.item.state, digest_of(SHA256)) == (SHA256, "sealed", SHA256)
    assert (left(folder), objects.uploads(KEY)) == ([], [])


def test_another_process_goes_on_with_the_parts_that_are_missing(
    case: Case, objects: Objects, folder: Path, sent: list[int]
) -> None:
    """The store's own list says which: what one process knew of it is lost with it."""
    draft = store().draft(limit=None)
    draft.write(CONTENT)
    draft.finish()
    assert not draft.deliver(ends=0.0)
    upload = objects.uploads(KEY)
    objects.put_part(KEY, upload[0], 3, CONTENT[2 << 20 : 3 << 20])  # by a third one
    sent.clear()

    assert bucket_store().deliver(draft.path, SHA256)

    assert sent == [2, 4, 5]
    assert digest_of(SHA256) == SHA256
    assert objects.uploads(KEY) == []
    draft.stay()
    assert left(folder) == [""]
    draft.discard()
    assert left(folder) == []
    assert digest_of(SHA256) == SHA256


@pytest.mark.slow
def test_while_the_store_is_away_the_image_waits_here_and_goes_on_later(
    case: Case, folder: Path, settings: Any, sent: list[int]
) -> None:
    while "on its way" not in fetch(case).text:
        continue
    there, settings.S3_ENDPOINT = settings.S3_ENDPOINT, "http://127.0.0.1:1"
    part = next((folder / "tmp").glob("*.part"))
    for path in (part, part.with_suffix(".sending")):  # as after nearly a day of this
        os.utime(path, (0, time.time() - inbox.STALE_SECONDS + 60))

    away = [fetch(case, seconds=5), fetch(case, seconds=5)]

    assert [one.item for one in away] == [None, None]
    words = "All of it is here, but not in its store yet. The evidence store is away: 127.0.0.1"
    assert [one.text[: len(words)] for one in away] == [words, words]
    assert left(folder) == [".part", ".sending"]
    assert part.stat().st_mtime > time.time() - 60
    settings.S3_ENDPOINT = there
    assert fetch(case, seconds=5).item
    assert sent == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("how", ["given up", "swept"])
@pytest.mark.slow
def test_an_upload_that_nobody_goes_on_with_is_taken_back(case: Case, objects: Objects, folder: Path, how: str) -> None:
    while "on its way" not in fetch(case).text:
        continue
    assert len(objects.uploads(KEY)) == 1

    if how == "given up":
        give_up(REF)
    else:
        for path in (folder / "tmp").iterdir():
            os.utime(path, (0, 0))
        take(case, b"another")

    assert (left(folder), objects.uploads(KEY)) == ([], [])


def test_a_store_that_refuses_keeps_no_row_and_says_why(case: Case, settings: Any, folder: Path) -> None:
    settings.S3_SECRET_KEY = "wrong"

    with pytest.raises(StoreAwayError, match="the secret key is wrong"):
        take(case, b"MZ the loader")

    assert not Evidence.objects.exists()
    assert left(folder) == [".sending"]  # something of it may be there: the sweep looks


@pytest.mark.slow
def test_the_browser_is_told_that_the_store_is_away(
    case: Case, client: Client, analyst: User, settings: Any, item: Evidence
) -> None:
    client.force_login(analyst)
    settings.EVIDENCE_STORE = "s3://nowhere"

    refused = upload(client, case)

    assert refused.status_code == 503
    assert "there is no such bucket" in refused.content.decode()
    assert Evidence.objects.count() == 1


def test_a_destroyed_item_has_a_page_while_the_store_is_away(
    case: Case, client: Client, analyst: User, settings: Any, item: Evidence
) -> None:
    client.force_login(analyst)
    page = reverse("cases:evidence_item", args=[case.pk, item.label])
    Evidence.objects.update(destroyed_at=item.received_at)
    settings.S3_ENDPOINT, there = "http://127.0.0.1:1", settings.S3_ENDPOINT

    assert "is not known: the evidence store does not answer" in client.get(page).content.decode()
    settings.S3_ENDPOINT = there
    assert "Its file is still here" in client.get(page).content.decode()


def test_what_cannot_be_asked_is_not_called_missing(case: Case, item: Evidence, settings: Any) -> None:
    settings.EVIDENCE_STORE = "s3://nowhere/house"

    with pytest.raises(StoreAwayError):
        evidence.verify(item.pk)
    item.refresh_from_db()
    assert not item.is_damaged
    assert "E-1 cannot be checked: The evidence store" in next(inspection.problems(case))
    with pytest.raises(CommandError, match="there is no such bucket"):
        call_command("verify_evidence", "--all", stdout=StringIO())


def test_destroyed_bytes_are_gone_unless_a_row_came_that_needs_them(
    case: Case, item: Evidence, objects: Objects, analyst: User, responder: User, settings: Any
) -> None:
    assert not store().remove(item.sha256, unless=lambda: True)
    retention.ask_destruction(item.pk, "Done", actor=analyst)
    there, settings.S3_SECRET_KEY = settings.S3_SECRET_KEY, "wrong"
    with pytest.raises(StoreAwayError):  # not even asked whether it remains
        retention.remains(Evidence(destroyed_at=item.received_at, sha256=item.sha256))
    with pytest.raises(EvidenceError, match=r"is still here: The evidence store .*Destroy it again"):
        retention.destroy(item.pk, actor=responder)
    settings.S3_SECRET_KEY = there
    assert list(objects.keys("")) == [f"house/sha256/{item.sha256}"]

    retention.destroy(item.pk, actor=responder)

    assert list(objects.keys("")) == []
    assert CustodyEntry.objects.filter(action="destroyed").count() == 1
    assert list(inspection.problems(case)) == []


@pytest.mark.slow
def test_bytes_that_are_taken_away_while_a_row_comes_are_sent_again(objects: Objects) -> None:
    """The remover has said so and found no row; ours stands by now and waits for the remover's end."""
    place = bucket_store()
    with place.draft(limit=None) as draft:
        draft.write(b"MZ")
        draft.finish()
        draft.place()
        said, stands = threading.Event(), threading.Event()

        def unless() -> bool:
            said.set()
            stands.wait(5)
            return False

        remover = threading.Thread(target=lambda: place.remove(draft.sha256, unless=unless))
        remover.start()
        said.wait(5)
        threading.Timer(0.5, stands.set).start()
        draft.stay()
        remover.join()

        assert digest_of(draft.sha256) == draft.sha256
    assert list(objects.keys("house/leaving/")) == []


def test_a_store_that_goes_away_after_the_row_drops_nothing_else(
    case: Case, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    later: list[int] = []

    with django_capture_on_commit_callbacks(execute=True):
        take(case, b"MZ")
        transaction.on_commit(lambda: later.append(1))
        settings.S3_ENDPOINT = "http://127.0.0.1:1"

    assert (Evidence.objects.count(), later) == (1, [1])


def test_one_object_that_cannot_be_read_does_not_keep_the_others_from_being_hashed(
    case: Case, item: Evidence, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(case, b"another")
    settings.EVIDENCE_RECHECK_DAYS = -1
    read = Objects.read

    def refused(self: Objects, key: str, offset: int = 0) -> Iterator[bytes]:
        if key.endswith(item.sha256):
            raise StoreAwayError("The access key may not do this.")
        yield from read(self, key, offset)

    monkeypatch.setattr(Objects, "read", refused)

    with pytest.raises(SystemExit):
        call_command("verify_evidence", "--due", stdout=(said := StringIO()))

    assert said.getvalue().splitlines() == [
        f"Not read: {case.number} E-1: The access key may not do this.",
        "1 items hashed again, 0 did not match",
    ]


def delivered(content: bytes) -> inbox.FileDraft:
    draft = store().draft(limit=None)
    draft.write(content)
    draft.finish()
    draft.place()
    return draft


def test_of_two_that_take_the_same_bytes_away_neither_ends_the_others_word(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, sha256 = bucket_store(), delivered(b"MZ").sha256
    said: list[int] = []

    def unless() -> bool:
        assert not place.remove(sha256, unless=lambda: True)
        said.append(len(list(objects.keys(f"house/leaving/{sha256}/"))))
        return True

    assert not place.remove(sha256, unless=unless)
    assert said == [1]
    monkeypatch.setattr(buckets, "LEAVING_SECONDS", buckets.CALL_SECONDS - 1)
    with pytest.raises(StoreAwayError, match="too slow to delete it in time"):
        place.remove(sha256, unless=lambda: False)
    assert list(objects.keys("")) == [f"house/sha256/{sha256}"]


def test_nobody_waits_for_one_who_died_over_taking_bytes_away(objects: Objects) -> None:
    draft = delivered(b"MZ")
    objects.put(f"house/leaving/{draft.sha256}/{time.time() - 100:.0f}-ab", b"1")
    began = time.monotonic()

    draft.stay()
    draft.discard()

    assert time.monotonic() - began < 10
    assert store().remove(draft.sha256, unless=lambda: False)
    assert list(objects.keys("")) == []


@pytest.mark.parametrize("how", ["left", "swept", "no room"])
def test_what_was_delivered_and_has_no_row_goes(
    case: Case, objects: Objects, folder: Path, settings: Any, how: str
) -> None:
    draft = delivered(b"MZ")
    assert len(list(objects.keys(""))) == 1
    if how == "left":
        draft.discard()
    elif how == "swept":
        for path in (folder / "tmp").iterdir():
            os.utime(path, (0, 0))
        store().sweep()
    else:
        settings.EVIDENCE_CASE_BYTES = 1
        with draft, pytest.raises(StoreFullError):
            evidence.keep(case.pk, draft, kind="file", title="A file")

    assert (list(objects.keys("")), left(folder)) == ([], [])


def test_bytes_that_another_row_needs_stay_when_a_draft_of_them_is_left(item: Evidence, objects: Objects) -> None:
    delivered(b"MZ the loader").discard()

    assert list(objects.keys("")) == [f"house/sha256/{item.sha256}"]


@pytest.mark.parametrize("how", ["both send", "the store ended it"])
def test_two_that_send_the_same_bytes_do_not_break_each_other(objects: Objects, folder: Path, how: str) -> None:
    drafts = [store().draft(limit=None) for _ in range(2)]
    for draft in drafts:
        draft.write(CONTENT)
        draft.finish()
        assert not draft.deliver(ends=0.0)
    assert len(objects.uploads(KEY)) == 2
    if how == "the store ended it":
        for upload in objects.uploads(KEY):
            objects.abort(KEY, upload)

    for draft in drafts:
        assert draft.deliver()
        draft.stay()
        draft.discard()

    assert digest_of(SHA256) == SHA256
    assert (objects.uploads(KEY), left(folder)) == ([], [])


def test_a_tool_gets_a_copy_that_was_hashed_and_has_no_name(item: Evidence, folder: Path, objects: Objects) -> None:
    pieces: list[int] = []

    with store().local(item.sha256, lambda: pieces.append(1)) as file:
        assert os.read(file.fileno(), 100) == b"MZ the loader"
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o400
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(file.fileno(), b"x")
        assert left(folder) == []
    assert pieces == [1]

    spoil(objects, item)
    with pytest.raises(FileNotFoundError):
        store().local(item.sha256, lambda: None)
    assert left(folder) == []


@pytest.mark.slow
def test_a_copy_needs_room_on_this_machine(item: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox.shutil, "disk_usage", lambda _: type("Disk", (), {"total": 100, "free": 20}))

    with pytest.raises(StoreFullError):
        store().local(item.sha256, lambda: None)


def test_the_workbench_has_read_only_copies(case: Case, item: Evidence, analyst: User, tmp_path: Path) -> None:
    for _ in range(2):
        laid = workbench.lay_out(case, tmp_path / "bench", "Look", actor=analyst)

    path = laid[0].path
    assert (path.read_bytes(), path.is_symlink(), stat.S_IMODE(path.stat().st_mode)) == (b"MZ the loader", False, 0o400)


@pytest.mark.slow
def test_a_download_that_breaks_off_goes_on_where_it_was(
    item: Evidence, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("house/x", CONTENT)
    read, begun = Objects.read, []

    def breaks(self: Objects, key: str, offset: int = 0) -> Iterator[bytes]:
        begun.append(offset)
        for piece in read(self, key, offset):
            yield piece
            if len(begun) < 3:
                raise HttpError("the other side went away")

    monkeypatch.setattr(Objects, "read", breaks)

    assert buckets._Download(objects, "house/x").readall() == CONTENT
    assert begun == [0, 262_144, 524_288]


@pytest.mark.slow
def test_the_folder_is_copied_into_the_bucket_and_read_back(
    case: Case, settings: Any, folder: Path, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVIDENCE_STORE, there = "", settings.EVIDENCE_STORE
    first, second = take(case, b"MZ"), take(case, CONTENT)
    path = folder / "sha256" / first.sha256[:2] / first.sha256[2:4] / first.sha256
    settings.EVIDENCE_STORE = there

    def copy() -> str:
        call_command("copy_evidence", stdout=(said := StringIO()))
        return said.getvalue()

    monkeypatch.setattr(inbox, "FREE_SHARE", 1.1)  # a full disk
    objects.put(f"house/sha256/{first.sha256}", b"M")  # half of it, by somebody else

    assert copy() == copy() == "2 files are in the bucket, 0 were not copied\n"
    assert left(folder) == []

    assert sorted(store().hashes()) == sorted([first.sha256, second.sha256])
    assert path.exists()
    assert list(inspection.problems(case)) == []
    objects.delete(f"house/sha256/{first.sha256}")
    path.chmod(0o600)
    path.write_bytes(b"XZ")
    with pytest.raises(SystemExit):
        copy()
    assert not store().has(first.sha256)
