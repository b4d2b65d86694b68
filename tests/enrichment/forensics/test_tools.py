"""What each tool finds in material that is really made, through the limited process, as the product runs it."""

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.json import decode, encode

from enrichment.forensics.content import look
from enrichment.forensics.names import http_host, tls_name
from enrichment.forensics.notebook import Notebook, stamp
from enrichment.forensics.report import Report
from enrichment.forensics.scanner import Rules
from secops.practice.products.grr_material import Material
from secops.practice.products.world import World
from secops.practice.week import story_beacon
from secops.practice.week.programs import BEACON
from tests.enrichment.forensics import material
from tests.enrichment.forensics.conftest import ask

SHA256 = hashlib.sha256(material.LOADER).hexdigest()


def facts(report: Any) -> dict[str, str]:
    return {fact.label: fact.value for fact in report.facts}


def notable(report: Any) -> dict[str, Any]:
    return {one.name: one for one in report.notable}


def test_a_deleted_file_is_found_hashed_and_taken_out(disk: Path) -> None:
    answer = ask("disk", disk)

    found = notable(answer.report)["/home/ada/updater.dll"]
    assert (found.why, found.size, found.sha256) == (["Deleted"], len(material.LOADER), SHA256)
    assert answer.carried == [("/home/ada/updater.dll", material.LOADER)]
    assert [one.value for one in answer.report.observables if one.value == SHA256]


def test_a_rule_names_a_file_and_its_time_is_an_event(disk: Path) -> None:
    report = ask("disk", disk).report

    found = notable(report)["/home/ada/run.sh"]
    assert (found.why, found.at) == (["YARA: reverse_shell"], stamp(material.AT))
    assert [event.at for event in report.events if "run.sh" in event.text] == [stamp(material.AT)]
    assert (facts(report)["Files"], facts(report)["Deleted"]) == ("3", "1")
    assert facts(report)["File system"].startswith("EXT4")
    assert report.sha256 == hashlib.sha256(disk.read_bytes()).hexdigest()
    assert "/etc/motd" in [row[2] for row in report.tables[0].rows]


def test_the_deleted_dropper_on_a_disk_of_the_range_is_found(tmp_path: Path) -> None:
    device = {"name": story_beacon.DEVICE, "id": "d-1", "owner": "m.okafor", "last_seen": "2026-11-01T10:00:00Z"}
    image = Material(World(tmp_path)).disk(device)

    answer = ask("disk", image)

    deleted = [one for one in answer.report.notable if "Deleted" in one.why]
    assert [(one.name.rpartition("/")[2], one.sha256) for one in deleted] == [(BEACON.name, BEACON.sha256)]
    assert [hashlib.sha256(content).hexdigest() for _, content in answer.carried] == [BEACON.sha256]


def test_what_the_case_names_is_said(disk: Path) -> None:
    motd = hashlib.sha256(b"hello\n").hexdigest()

    report = ask("disk", disk, known=(motd,)).report

    assert notable(report)["/etc/motd"].why == ["Named in this case"]


def test_a_partition_without_a_file_system_does_not_hide_the_next(disk: Path, tmp_path: Path) -> None:
    report = ask("disk", material.partitioned(disk, tmp_path)).report

    assert notable(report)["Partition 2/home/ada/updater.dll"].sha256 == SHA256
    assert "Partition 1 holds no file system that The Sleuth Kit can read." in report.limits


def test_an_ewf_container_is_read_as_the_disk_that_it_holds(disk: Path, tmp_path: Path) -> None:
    container = material.ewf(disk, tmp_path)
    if container is None:
        pytest.skip("ewfacquirestream (Debian: ewf-tools) is missing")

    report = ask("disk", container).report

    assert notable(report)["/home/ada/updater.dll"].sha256 == SHA256
    assert facts(report)["Examiner"] == "Bo Mars"


def test_addresses_urls_and_rules_in_memory(tmp_path: Path) -> None:
    report = ask("memory", material.memory(tmp_path), known=("45.33.32.156",)).report

    tables = {table.title: {row[0]: row[1] for row in table.rows} for table in report.tables}
    assert tables["URLs in memory"] == {"https://across.example/border": "1", "http://wide.example/a": "1"}
    assert tables["Outside addresses in memory"] == {material.OUTSIDE: "1", "45.33.32.156": "1"}
    assert notable(report)["the memory image"].why == ["YARA: reverse_shell"]
    assert notable(report)["45.33.32.156"].why == ["Named in this case"]


def test_peers_names_and_new_destinations_of_a_capture(tmp_path: Path) -> None:
    report = ask("capture", material.capture(tmp_path), known=("c2.evil.example",)).report

    tables = {table.title: [row[0] for row in table.rows] for table in report.tables}
    assert tables["Names asked for"] == ["cdn-metrics.example"]
    assert tables["HTTP hosts"] == ["plain.example"]
    assert tables["TLS server names"] == ["c2.evil.example"]
    assert tables["Outside addresses"] == [material.OUTSIDE]
    assert facts(report)["New destinations"] == "1"
    assert next(table.rows for table in report.tables if table.title == "Protocols")[-1] == ["other", "1"]
    assert {one.value for one in report.observables} == {material.OUTSIDE, "cdn-metrics.example", "plain.example"}
    assert [event.at for event in report.events] == [stamp(material.AT + 1)]


def test_a_triage_package_is_read_without_being_unpacked(tmp_path: Path) -> None:
    report = ask("package", material.package(tmp_path)).report

    found = notable(report)
    assert (found["../../run.sh"].why, found["../../run.sh"].at) == (["YARA: reverse_shell"], stamp(material.AT))
    autorun = found["SOFTWARE: Microsoft\\Windows\\CurrentVersion\\Run\\Updater"]
    assert (autorun.details, autorun.at) == ("C:\\Users\\ada\\AppData\\updater.exe", stamp(material.AT))
    assert [one.kind for one in report.observables] == ["hash_sha256", "registry_key"]
    assert found["Event 1102 of Security.evtx"].why == ["The security log was cleared"]
    assert found["Event 7045 of Security.evtx"].details == "upd, C:\\Users\\ada\\upd.exe"
    told = {event.text: event.at for event in report.events if "Security.evtx" in event.text}
    assert set(told.values()) == {stamp(material.AT)}
    assert [text.partition(" (")[0] for text in told] == [
        "The security log was cleared: ada",
        "Service installed: upd, C:\\Users\\ada\\upd.exe",
        "Program started: C:\\a.exe, powershell -enc AAAA",
        "Signed in: ada, 203.0.113.9, by remote desktop",
    ]
    assert not (tmp_path.parent / "run.sh").exists()


@pytest.mark.parametrize("packed", ["w", "w:gz"])
def test_a_package_may_be_a_tar_too(packed: Any, tmp_path: Path) -> None:
    path = tmp_path / "triage.tar"
    with tarfile.open(path, packed) as archive:
        for name, content in (("/etc/motd", b"hello"), ("tmp/run.sh", material.SHELL)):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), material.AT
            archive.addfile(member, BytesIO(content))

    report = ask("package", path).report

    assert (facts(report)["Files"], notable(report)["tmp/run.sh"].at) == ("2", stamp(material.AT))


def test_names_that_are_no_utf8_are_told_and_hide_nothing(tmp_path: Path) -> None:
    path = tmp_path / "triage.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in (("\udcff" * 90 + ".evtx", material.event_log()), ("\udcff.sh", material.SHELL)):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), material.AT
            archive.addfile(member, BytesIO(content))

    report = ask("package", path).report

    assert notable(report)["?.sh"].why == ["YARA: reverse_shell"]
    assert report.tables[0].title == f"Events of {'?' * 54}"
    assert f"Event 1102 of {'?' * 90}.evtx" in notable(report)


def test_the_sites_own_rules_count_and_a_broken_file_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"quetzal")
    good = 'rule house { meta: description = "Ours" strings: $a = "quetzal" condition: $a }'

    report = ask("package", path, rules=[("broken.yar", "rule {"), ("house.yar", good)]).report

    assert (report.notable[0].why, report.notable[0].details) == (["YARA: house"], "Ours")
    assert [limit for limit in report.limits if limit.startswith("YARA rules broken.yar were left out")]


@pytest.mark.parametrize("cut", [0, 3, 8, 40, 50, 58])
def test_a_hello_that_is_cut_off_names_nobody(cut: int) -> None:
    assert tls_name(material.hello("c2.evil.example")[:cut]) == ""


def test_a_host_is_read_from_a_request_only() -> None:
    assert http_host(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n") == "a.example"
    assert http_host(b"SSH-2.0 Host: a.example") == ""
    assert http_host(b"GET / HTTP/1.1\r\nHost: <b>\r\n\r\n") == ""


def test_what_a_tool_notes_fits_the_report_whatever_it_was_told() -> None:
    notebook, foreign = Notebook(), "\udcff" * 2_000
    notebook.note(foreign, [foreign] * 20, at="10000-01-01T00:00:0Z", details=foreign)
    notebook.table(foreign, [foreign] * 9, [[foreign] * 9])
    notebook.fact(foreign, foreign)
    notebook.see("registry_key", foreign, "registry")
    for at in ("10000-01-01T00:00:0Z", "0001-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "no time"):
        notebook.event(at, foreign)
    notebook.event("2026-09-21T14:13:20Z", foreign)

    report = decode(encode(notebook.report("x", "1", sha256=None, guards=[])), type=Report)

    assert [event.at for event in report.events] == ["2026-09-21T14:13:20Z"]
    assert (report.notable[0].at, report.notable[0].why) == (None, ["?" * 64] * 12)


def test_a_member_that_claims_gigabytes_of_memory_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "triage.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bomb", b"x" * 1_000, zipfile.ZIP_LZMA)
        archive.writestr("run.sh", material.SHELL)
    content = bytearray(path.read_bytes())
    dictionary = 30 + len("bomb") + 4 + 1  # local header, name, version and size of the LZMA properties, lc/lp/pb
    content[dictionary : dictionary + 4] = b"\xff\xff\xff\xf0"  # bytes that its decoder asks for
    path.write_bytes(content)

    report = ask("package", path).report

    assert "bomb needs more memory than there is: it was not looked at to its end." in report.limits
    assert notable(report)["run.sh"].why == ["YARA: reverse_shell"]


@pytest.mark.parametrize("where", ["reading", "scanning"])
def test_a_file_that_needs_too_much_memory_costs_only_itself(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook()
    rules = Rules([], notebook)

    def too_much(*_: object) -> Any:
        raise MemoryError

    def chunks() -> Iterator[bytes]:
        yield b"MZ"
        if where == "reading":
            too_much()

    monkeypatch.setattr(Rules, "scan", too_much)
    found = look("bomb", chunks(), rules, notebook)

    assert found.sha256 == ("" if where == "reading" else hashlib.sha256(b"MZ").hexdigest())
    assert list(notebook._limits) == ["bomb needs more memory than there is: it was not looked at to its end."]
