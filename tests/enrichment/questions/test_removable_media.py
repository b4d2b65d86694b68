"""The drive: first use, volume, files, and whose hand."""

from dataclasses import replace
from datetime import timedelta

from cases.choices import Verdict
from enrichment.questions.removable_media import RemovableMediaUse
from secops.connectors.capabilities.files import FileEvent, RemovableMedia
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points


def drive(hours: float, serial: str = "4C53000") -> RemovableMedia:
    return RemovableMedia(at=AT - timedelta(hours=hours), serial=serial, name="Pocket 64", drive="E:")


def copied(size: int, number: int = 1, kind: str = "created") -> FileEvent:
    at = AT - timedelta(minutes=30)
    return FileEvent(at=at, kind=kind, path=f"E:\\customers{number}.xlsx", size=size, user="CORP\\ines.r", drive="E:")


def test_the_first_use_of_a_drive_weighs() -> None:
    judgement = ask(RemovableMediaUse, about(), removable_media=[drive(1)], file_events=[copied(40_000)])

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "New drive")
    assert judgement.headline == "40.0 kB in 1 file were copied to a drive never seen before."
    assert fact(judgement, "First use") == "10 Mar 13:12 UTC, never in the seven days before"
    assert (judgement.data["is_new"], judgement.data["users"]) == (True, ["CORP\\ines.r"])


def test_a_drive_in_use_for_days_is_a_habit() -> None:
    judgement = ask(RemovableMediaUse, about(), removable_media=[drive(100), drive(1)], file_events=[copied(40_000)])

    assert (judgement.verdict, judgement.label) == (Verdict.INFORMATIONAL, "Removable drive")
    assert points(judgement) == 0


def test_gigabytes_weigh_on_a_known_drive_too() -> None:
    events = [copied(700_000_000, number) for number in range(3)]

    judgement = ask(RemovableMediaUse, about(), removable_media=[drive(100), drive(1)], file_events=events)

    assert judgement.verdict == Verdict.SUSPICIOUS
    assert fact(judgement, "Copied") == "2.1 GB in 3 files"
    assert judgement.data["bytes"] == 2_100_000_000


def test_a_known_drive_used_later_does_not_hide_the_new_one() -> None:
    media = [drive(100, "OLD"), drive(2, "NEW"), drive(1, "OLD")]

    judgement = ask(RemovableMediaUse, about(), removable_media=media, file_events=[])

    assert judgement.data["serial"] == "NEW"
    assert judgement.label == "New drive"


def test_what_was_only_read_or_deleted_was_not_copied() -> None:
    events = [copied(700_000_000, kind="read"), copied(700_000_000, kind="deleted")]

    judgement = ask(RemovableMediaUse, about(), removable_media=[drive(100)], file_events=events)

    assert judgement.headline == "Nothing was copied to a known drive in the last 24 hours."
    assert judgement.rows == []


def test_the_shares_that_the_files_came_from_are_named_where_the_source_says_so() -> None:
    events = [replace(copied(5_000, number), origin=r"\\FS-1\deals\2026") for number in range(2)]
    events += [replace(copied(5_000, 3), origin=r"\\FS-2\hr"), replace(copied(5_000, 4), origin=r"C:\Users\ines.r")]

    known = ask(RemovableMediaUse, about(), removable_media=[drive(1)], file_events=events)
    silent = ask(RemovableMediaUse, about(), removable_media=[drive(1)], file_events=[copied(5_000)])

    assert fact(known, "From") == r"\\FS-1\deals (2 files), \\FS-2\hr (1 file)"
    assert "From" not in {one.label for one in silent.facts}


def test_files_on_a_drive_that_nobody_named_are_told() -> None:
    judgement = ask(RemovableMediaUse, about(), removable_media=[], file_events=[copied(5_000)])

    assert fact(judgement, "Drive") == "not named"
    assert judgement.data["is_new"] is False


def test_no_drive_and_no_file_is_no_answer() -> None:
    assert RemovableMediaUse().ask(Says(removable_media=[], file_events=[]), about()) is None
