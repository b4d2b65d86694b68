"""The workbench: readable names for sealed bytes, each opening in the chain, nothing for who may not see the case."""

import os
import stat
import tarfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cases.models import Case, CustodyEntry
from cases.services import inspection
from secops.models import User
from tests.cases.evidence.conftest import take
from tests.factories import make_case


@pytest.fixture
def items(case: Case, analyst: User) -> None:
    take(case, bytes(2_048), kind="disk", title="Disk of ../../etc <FIN-LT-0142>")
    take(case, b"\xd4\xc3\xb2\xa1" + bytes(20), kind="capture", title="Capture")


def lay_out(case: Case, folder: Path, *more: str, user: str = "ada") -> None:
    call_command(
        "workbench", case.number, "--user", user, "--reason", "Look for the loader", "--to", str(folder), *more
    )


def test_the_files_have_readable_names_and_stay_read_only(case: Case, items: None, tmp_path: Path) -> None:
    folder = tmp_path / "bench"

    lay_out(case, folder)
    lay_out(case, folder)

    names = ["E-1_disk_Disk-of-..-..-etc-FIN-LT-0142.dd", "E-2_capture_Capture.pcap", "README.txt"]
    assert sorted(path.name for path in folder.iterdir()) == names
    image = folder / names[0]
    assert image.read_bytes() == bytes(2_048)
    assert stat.S_IMODE(os.stat(image).st_mode) == 0o400
    readme = (folder / "README.txt").read_text()
    assert "fls -r (The Sleuth Kit)" in readme
    assert "wireshark" in readme
    assert list(inspection.problems(case)) == []


def test_a_tar_is_called_a_tar(case: Case, analyst: User, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "made", "w") as made:
        made.addfile(tarfile.TarInfo("mft"))
    take(case, (tmp_path / "made").read_bytes(), kind="triage", title="Triage")

    lay_out(case, tmp_path / "bench")

    assert (tmp_path / "bench" / "E-1_triage_Triage.tar").exists()


def test_each_opening_is_an_entry_with_its_reason(case: Case, items: None, tmp_path: Path) -> None:
    lay_out(case, tmp_path / "bench")

    entries = CustodyEntry.objects.filter(action="viewed").order_by("seq")
    assert [(entry.item, entry.who, entry.details["reason"]) for entry in entries] == [
        ("E-1", "Ada Lind", "Look for the loader"),
        ("E-2", "Ada Lind", "Look for the loader"),
    ]


@pytest.mark.usefixtures("analyst", "stranger")
def test_nothing_is_laid_out_for_who_may_not(case: Case, items: None, tmp_path: Path) -> None:
    hidden = make_case(is_restricted=True)
    take(hidden, b"MZ")

    with pytest.raises(CommandError, match="There is no"):
        lay_out(hidden, tmp_path / "bench")
    with pytest.raises(CommandError):
        lay_out(case, tmp_path / "bench", user="cy")
    with pytest.raises(CommandError, match="There is no nobody"):
        lay_out(case, tmp_path / "bench", user="nobody")
    assert not (tmp_path / "bench").exists()
    assert not CustodyEntry.objects.filter(action="viewed").exists()


def test_a_case_without_files_says_so(case: Case, analyst: User, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has no file here"):
        lay_out(case, tmp_path / "bench")
