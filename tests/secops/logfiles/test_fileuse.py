"""Who opened what on the file servers, and what left by drives and printers."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secops.connectors.capabilities.files import FileUse
from secops.logfiles.fileuse import file_use, file_use_windows, peer_file_use
from secops.logfiles.store import LogStore
from tests.secops.logfiles.writing import NOON, before, security, write_lines

DAYS = (before(days=30), NOON)


def opened(at: datetime, login: str, path: str, share: str = "plans", mask: str = "0x120089") -> dict[str, Any]:
    return security(
        at,
        5145,
        Hostname="FS-1.corp.example",
        SubjectUserName=login,
        ObjectType="File",
        ShareName=f"\\\\*\\{share}",
        RelativeTargetName=path,
        AccessMask=mask,
        IpAddress="10.0.0.1",
    )


def handled(at: datetime, operation: str, **more: Any) -> dict[str, Any]:
    return {
        "CreationTime": f"{at:%Y-%m-%dT%H:%M:%S}",
        "Operation": operation,
        "RecordType": 63,
        "Workload": "Endpoint",
        "UserId": "ada@corp.example",
        "DeviceName": "fin-01.corp.example",
        "ObjectId": "C:\\a.pdf",
        "FileSize": 1_000,
    } | more


def rows(found: Iterable[FileUse]) -> list[tuple[str, str, int, int]]:
    return [(one.way, one.place, one.files, one.size) for one in found]


def test_files_opened_count_once_an_hour_and_by_share(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "security.ndjson",
        [
            opened(before(hours=30, minutes=10), "ada", "a\\one.pdf"),
            opened(before(hours=30, minutes=5), "ADA", "a\\one.pdf"),
            opened(before(hours=30, minutes=4), "ada", "a\\two.pdf"),
            opened(before(hours=3), "ada", "three.pdf", share="other"),
            opened(before(hours=3), "bo", "three.pdf", share="other"),
        ],
    )

    found = file_use(store, "ada", *DAYS)

    assert rows(found) == [("opened", "\\\\FS-1\\plans", 2, 0), ("opened", "\\\\FS-1\\other", 1, 0)]
    assert found[0].at == before(hours=31)


def test_looking_at_names_is_not_opening(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "security.ndjson",
        [
            opened(before(hours=3), "ada", "a.pdf", mask="0x100080"),
            opened(before(hours=3), "FIN-01$", "b.pdf"),
            opened(before(hours=3), "ada", "\\"),
        ],
    )

    assert file_use(store, "ada", *DAYS) == []


def test_what_left_is_told_with_its_size_and_where_to(folder: Path, store: LogStore) -> None:
    stick = {"RemovableMediaDeviceAttributes": {"Manufacturer": "N", "SerialNumber": "77AB"}, "TargetFilePath": "E:\\a"}
    as_text = stick | {"RemovableMediaDeviceAttributes": '{"SerialNumber": "77AB"}', "ObjectId": "C:\\b.pdf"}
    write_lines(
        folder / "audit.ndjson",
        [
            handled(before(hours=2, minutes=50), "FileCopiedToRemovableMedia", **stick),
            handled(before(hours=2, minutes=40), "FileCreatedOnRemovableMedia", **as_text),
            handled(before(hours=2), "FilePrinted", TargetPrinterName="MONO"),
            handled(before(hours=1), "FileUploadedToCloud", TargetDomain="x.example", FileSize="2000"),
            handled(before(minutes=30), "FileRead"),
            handled(before(minutes=20), "FilePrinted", UserId="bo@corp.example"),
        ],
    )

    assert rows(file_use(store, "ada", *DAYS)) == [
        ("removable", "77AB", 2, 2_000),
        ("printed", "MONO", 1, 1_000),
        ("uploaded", "x.example", 1, 2_000),
    ]


def test_peers_share_the_main_share_and_are_never_named(folder: Path, store: LogStore) -> None:
    lines = [opened(before(days=day), login, f"{day}.pdf") for login in ("ada", "bo", "cy") for day in range(1, 5)]
    lines += [opened(before(days=1), "bo", f"{number}.pdf", share="other") for number in range(50)]
    lines += [opened(before(days=day), "dee", f"{day}.pdf", share="other") for day in range(1, 5)]
    write_lines(folder / "security.ndjson", lines)

    found = peer_file_use(store, "ada", *DAYS)

    assert len({one.peer for one in found}) == 2  # one busy day elsewhere moves nobody's desk; dee works elsewhere
    assert {one.place: one.files for one in found if one.at.date() == before(days=1).date()} == {
        "\\\\FS-1\\plans": 1,
        "\\\\FS-1\\other": 50,
    }
    assert not [one for one in found if one.peer in ("bo", "cy", "ada")]
    of_bo = {one.peer for one in peer_file_use(store, "bo", *DAYS)}
    assert not of_bo & {one.peer for one in found}  # two lists cannot be laid side by side


def test_what_is_covered_is_told_by_log(folder: Path, store: LogStore) -> None:
    write_lines(folder / "security.ndjson", [opened(before(days=9), "ada", "a.pdf"), opened(NOON, "ada", "a.pdf")])

    windows = file_use_windows(store)

    assert windows["file servers"].start == NOON - timedelta(days=9)
    assert windows["file servers"].end == NOON
    assert windows["data loss prevention"].start is None
