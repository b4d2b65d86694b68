"""Evidence comes in: whole or not at all, under its hash, whatever it is called."""

import hashlib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from cases.choices import Stage
from cases.errors import EvidenceError, IncompleteError, StoreFullError, TooLargeError
from cases.models import Case, CustodyEntry, Evidence, TimelineEntry
from cases.services import evidence, inbox, inspection
from secops.errors import NotAllowedError
from secops.models import User
from tests.cases.evidence.conftest import path_of, spoil, take
from tests.factories import make_case, make_user

CONTENT = b"MZ the loader"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_stands_under_its_hash_read_only_with_row_entry_and_line(case: Case, item: Evidence) -> None:
    path = path_of(item)

    assert path.parts[-4:] == ("sha256", SHA256[:2], SHA256[2:4], SHA256)
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert (item.number, item.sha256, item.size, item.state) == ("E-1", SHA256, len(CONTENT), "received")
    entry = CustodyEntry.objects.get()
    assert (entry.action, entry.who, entry.sha256) == ("received", "Ada Lind", SHA256)
    assert entry.details["login"] == "ada"
    line = TimelineEntry.objects.filter(case=case).latest("seq")
    assert line.text == f"E-1 received: updater.dll, 13 B, SHA-256 {SHA256[:4]}…{SHA256[-4:]}."
    assert line.refs == {"evidence": "E-1"}
    case.refresh_from_db()
    assert case.stage == Stage.TRIAGE
    assert list(inspection.problems(case)) == []


def test_nothing_is_left_in_tmp(folder: Path, item: Evidence) -> None:
    assert list((folder / "tmp").iterdir()) == []


def test_the_same_bytes_twice_are_two_items_and_one_file(
    case: Case, item: Evidence, files: Callable[[], list[Path]]
) -> None:
    other = take(make_case(), CONTENT)
    again = take(case, CONTENT)

    assert (other.number, again.number) == ("E-1", "E-2")
    assert len(files()) == 1


def test_the_same_bytes_mend_a_file_that_was_damaged(case: Case, item: Evidence) -> None:
    spoil(item)

    take(case, CONTENT)

    assert path_of(item).read_bytes() == CONTENT


def test_what_the_source_hashed_is_compared(case: Case) -> None:
    acquired = evidence.Acquired(source_sha256="0" * 64, tool="edr", tool_version="4.1", acquired_by="EDR")

    item = take(case, CONTENT, acquired=acquired, is_sealed=True, who="Test EDR")

    assert (item.state, item.sealed_at) == ("mismatch", None)
    assert list(CustodyEntry.objects.values_list("action", "who")) == [
        ("acquired", "Test EDR"),
        ("received", "Test EDR"),
    ]
    assert CustodyEntry.objects.first().details == {  # type: ignore[union-attr]
        "source_sha256": "0" * 64,
        "tool": "edr",
        "tool_version": "4.1",
        "acquired_by": "EDR",
    }
    assert "It is NOT what its source hashed" in TimelineEntry.objects.latest("seq").text


def test_a_machine_may_seal_on_arrival(case: Case) -> None:
    item = take(case, CONTENT, acquired=evidence.Acquired(source_sha256=SHA256), is_sealed=True)

    assert item.state == "sealed"
    assert [entry.action for entry in CustodyEntry.objects.all()] == ["acquired", "received", "sealed"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("invoice\u202efdp.exe", "invoice�fdp.exe"),
        ("a\0b\r\nSet-Cookie: x", "a�b��Set-Cookie: x"),
        ("Ame\u0301lie.txt", "Am\u00e9lie.txt"),
        ("CON", "CON"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("half \ud800.bin", "half �.bin"),
        ("zero\u200bwidth\u2028", "zero�width�"),
    ],
)
def test_a_hostile_name_is_only_text(case: Case, name: str, kept: str, files: Callable[[], list[Path]]) -> None:
    item = take(case, CONTENT, file_name=name)

    item.refresh_from_db()
    assert item.file_name == kept
    assert [path.name for path in files()] == [SHA256]


def test_a_long_name_is_cut_at_255_bytes_between_characters(case: Case) -> None:
    item = take(case, CONTENT, file_name="é" * 300)

    assert item.file_name == "é" * 127


def test_too_many_bytes_are_refused_and_nothing_stays(
    case: Case, folder: Path, files: Callable[[], list[Path]]
) -> None:
    with pytest.raises(TooLargeError):
        take(case, b"x" * 11, limit=10)

    assert not Evidence.objects.exists()
    assert files() == []
    assert list((folder / "tmp").iterdir()) == []
    take(case, b"x" * 10, limit=10)


def test_a_source_that_breaks_off_leaves_nothing(case: Case, folder: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        evidence.receive(case.pk, broken(), kind="disk", title="Disk")

    assert not Evidence.objects.exists()
    assert list((folder / "tmp").iterdir()) == []


def test_below_ten_percent_free_nothing_is_taken(case: Case, monkeypatch: Any, folder: Path) -> None:
    class Usage:
        total, free = 1_000, 99

    monkeypatch.setattr(inbox.shutil, "disk_usage", lambda _: Usage)

    with pytest.raises(StoreFullError, match="10 %"):
        take(case, CONTENT)
    assert list((folder / "tmp").iterdir()) == []
    Usage.free = 100
    take(case, CONTENT)


def test_a_disk_that_fills_up_on_the_way_stops_it(case: Case, monkeypatch: Any) -> None:
    seen = iter([None, StoreFullError("full")])

    def require(self: Any, coming: int = 0) -> None:
        if error := next(seen, None):
            raise error

    monkeypatch.setattr(inbox.Store, "require_room", require)
    monkeypatch.setattr(inbox, "CHUNK", 1)

    with pytest.raises(StoreFullError):
        take(case, b"x" * 64)
    assert not Evidence.objects.exists()


def test_quotas_of_case_and_person_hold(case: Case, analyst: User, settings: Any) -> None:
    settings.EVIDENCE_CASE_BYTES, settings.EVIDENCE_USER_BYTES = 20, 30
    take(case, b"x" * 15, actor=analyst)

    with pytest.raises(StoreFullError, match="of one case"):
        take(case, b"y" * 6)
    take(make_case(), b"y" * 15, actor=analyst)
    with pytest.raises(StoreFullError, match="by one person"):
        take(make_case(), b"z", actor=analyst)
    take(make_case(), b"z")


def test_a_role_without_the_right_brings_nothing(case: Case, files: Callable[[], list[Path]]) -> None:
    with pytest.raises(NotAllowedError):
        take(case, CONTENT, actor=make_user("eve", ["approver"]))

    assert files() == []


def test_a_working_copy_points_to_its_original_and_shares_its_bytes(
    case: Case, item: Evidence, analyst: User, files: Callable[[], list[Path]]
) -> None:
    copy = evidence.working_copy(item.pk, "Look for credentials", actor=analyst)
    second = evidence.working_copy(copy.pk, "Another look", actor=analyst)
    derived = take(case, b"decrypted", original=item)

    assert [one.number for one in (copy, second, derived)] == ["E-1.1", "E-1.2", "E-1.3"]
    assert second.original == item
    assert len(files()) == 2
    assert CustodyEntry.objects.get(item="E-1.1").details["copy_of"] == "E-1"


def test_no_working_copy_is_made_of_what_is_damaged(item: Evidence, analyst: User) -> None:
    spoil(item)

    with pytest.raises(EvidenceError, match="not whole"):
        evidence.working_copy(item.pk, "Look", actor=analyst)


def test_drafts_that_nobody_writes_any_more_are_swept(case: Case, folder: Path) -> None:
    import os

    take(case, CONTENT)
    old, new = folder / "tmp" / "old", folder / "tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))

    take(case, b"another")

    assert (old.exists(), new.exists()) == (False, True)


def test_a_row_cannot_speak_of_a_file_without_a_hash(case: Case, item: Evidence) -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        Evidence.objects.filter(pk=item.pk).update(sha256="")
    assert connection.vendor in {"sqlite", "postgresql"}


def test_texts_of_a_machine_are_cut_to_their_columns(case: Case) -> None:
    item = take(case, CONTENT, title="t" * 999, acquired=evidence.Acquired(tool="x" * 999, authority="a\0b"))

    item.refresh_from_db()
    assert (len(item.title), len(item.tool), item.authority) == (200, 100, "a�b")


@pytest.mark.parametrize("fields", [{"title": " "}, {"kind": "exhibit"}, {"kind": "no such"}])
def test_what_cannot_be_a_row_leaves_no_file(
    case: Case, files: Callable[[], list[Path]], fields: dict[str, str]
) -> None:
    with pytest.raises((EvidenceError, IncompleteError, ValueError)):
        take(case, CONTENT, **fields)

    assert files() == []


def test_a_copy_is_of_the_same_case(item: Evidence, files: Callable[[], list[Path]]) -> None:
    with pytest.raises(EvidenceError, match="another case"):
        take(make_case(), b"decrypted", original=item)

    assert len(files()) == 1
