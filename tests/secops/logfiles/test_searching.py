"""A hunt over log files: hits with their devices, and what the files cannot say."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.hunting import Hunted, Scope
from secops.hunting import sigma
from secops.hunting.clauses import read
from secops.hunting.conditions import ONE, Both, Either, Empty, Kind, Not, Number, Query, Regex, Text, holds
from secops.logfiles.searching import hunt_for, hunt_load
from secops.logfiles.store import LogStore
from secops.practice.week.story_system import IMPLANT, ORIGINAL, VARIANT
from tests.secops.logfiles.writing import NOON, before, conn, ends, lease, security, sysmon, write_lines

SHA = "ab" * 32
DAY = (before(days=1), NOON)
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def ran(device: str, image: str, hours: float = 2, **more: Any) -> dict[str, Any]:
    return sysmon(before(hours=hours), 1, device, Image=image, CommandLine=f'"{image}" /q', **more)


def hunted(store: LogStore, kind: str, value: str, number: int = 0, limit: int = 50) -> Hunted:
    (clause,) = read([{"kind": kind, "value": value}])
    return hunt_for(store, clause.queries()[number], Scope(), *DAY, limit)


def test_a_hash_is_found_on_every_device_where_the_program_ran(folder: Path, store: LogStore) -> None:
    hashes = {"Hashes": f"SHA1={'0' * 40},MD5={'1' * 32},SHA256={SHA.upper()},IMPHASH={'2' * 32}"}
    rows = [ran("FIN-01.corp.example", "C:\\U\\a.exe", 5, **hashes), ran("FIN-01", "C:\\U\\a.exe", 4, **hashes)]
    write_lines(folder / "events.json", [*rows, ran("FIN-02", "D:\\b.exe", 3, **hashes), ran("FIN-03", "C:\\c.exe")])

    found = hunted(store, "sha256", SHA)

    assert [(hit.device, hit.what, hit.count, hit.has_run) for hit in found.hits] == [
        ("FIN-01", "C:\\U\\a.exe", 2, True),
        ("FIN-02", "D:\\b.exe", 1, True),
    ]
    assert found.hits[0].first_seen_at == before(hours=5)
    assert [hit.device for hit in hunted(store, "md5", "1" * 32).hits] == ["FIN-01", "FIN-02"]
    assert [hit.device for hit in hunted(store, "imphash", "2" * 32).hits] == ["FIN-01", "FIN-02"]
    assert hunt_load(store, Scope(), *DAY).devices == 3


def test_what_the_files_cannot_say_is_refused_and_never_an_empty_answer(folder: Path, store: LogStore) -> None:
    rows = [
        security(before(hours=2), 4688, NewProcessName="C:\\a.exe"),
        sysmon(before(hours=3), 11, TargetFilename="C:\\a"),
    ]
    write_lines(folder / "events.json", rows)

    with pytest.raises(SourceRefused, match="never say sha256"):
        hunted(store, "sha256", SHA)
    with pytest.raises(SourceRefused, match="nothing about the registry"):
        hunted(store, "registry_key", "HKLM\\Software\\Run")
    with pytest.raises(SourceRefused, match="group"):
        hunt_for(store, Query(kind=Kind.PROCESS, condition=Text("image", ("x",))), Scope(group="Finance"), *DAY, 5)
    text = "title: T\nlogsource: {service: security}\ndetection:\n  s: {EventID: 4776}\n  condition: s\n"
    with pytest.raises(SourceRefused, match="4776"):
        hunt_for(store, sigma.read(text).queries[0], Scope(), *DAY, 5)


def scanned(device: str, path: str, hours: float = 2, **hashes: str) -> dict[str, Any]:
    """A file as a scan writes it in the Elastic Common Schema."""
    at = before(hours=hours).isoformat().replace("+00:00", "Z")
    return {"@timestamp": at, "host": {"name": device}, "file": {"path": path, "size": 7, "hash": hashes}}


def test_similar_files_are_found_in_inventories_with_their_distance_the_nearest_first(
    folder: Path, store: LogStore
) -> None:
    rows = [
        scanned("fin-02.corp.example", "C:\\b.dll", sha256=SHA, tlsh=VARIANT.tlsh.lower()),
        scanned("FIN-01", "C:\\a.dll", tlsh=IMPLANT.tlsh),
        scanned("FIN-03", "C:\\c.dll", tlsh=ORIGINAL.tlsh),
        scanned("FIN-04", "C:\\d.dll", sha256=SHA),
    ]
    write_lines(folder / "files.ndjson", rows)

    found = hunted(store, "similar", f"{IMPLANT.tlsh} 40")

    assert [(hit.device, hit.what, hit.detail) for hit in found.hits] == [
        ("FIN-01", "C:\\a.dll", "TLSH distance 0, at most 40 was wanted; SHA-256 not said"),
        ("FIN-02", "C:\\b.dll", f"TLSH distance 31, at most 40 was wanted; SHA-256 {SHA}"),
    ]
    assert found.notes == ("1 of 4 files of the inventories have no TLSH digest.",)
    assert hunted(store, "similar", f"{IMPLANT.tlsh} 40", limit=1).is_cut


def test_who_holds_no_digest_says_so_and_never_nowhere(folder: Path, store: LogStore) -> None:
    write_lines(folder / "events.json", [ran("FIN-01", "C:\\a.exe")])
    with pytest.raises(SourceRefused, match="hold no file inventory"):
        hunted(store, "similar", IMPLANT.tlsh)
    write_lines(folder / "files.ndjson", [scanned("FIN-01", "C:\\a.dll", sha256=SHA)])
    store.recheck_seconds = 0
    store._checked_at = 0.0
    with pytest.raises(SourceRefused, match="never say a TLSH digest"):
        hunted(store, "similar", IMPLANT.tlsh)
    assert [hit.device for hit in hunted(store, "sha256", SHA, 1).hits] == ["FIN-01"]  # by hash it can


def test_a_window_that_the_files_do_not_cover_is_said(folder: Path, store: LogStore) -> None:
    write_lines(folder / "events.json", [ran("FIN-01", "C:\\evil.exe", 30), ran("FIN-01", "C:\\evil.exe", 28)])
    (clause,) = read([{"kind": "process", "value": "evil.exe"}])

    found = hunt_for(store, clause.queries()[0], Scope(), before(days=90), NOON, 5)

    assert found.covers_from == before(hours=30)
    assert found.notes == ("The last event about programs that ran is of 09 Mar 2026 08:00 UTC.",)


def test_more_hits_than_wanted_are_cut_and_said(folder: Path, store: LogStore) -> None:
    write_lines(folder / "events.json", [ran(f"FIN-{number:02}", "C:\\evil.exe") for number in range(9)])

    found = hunted(store, "process", "evil.exe", limit=4)

    assert len(found.hits) == 4
    assert found.is_cut


def test_keys_are_found_whatever_their_roots_are_called(folder: Path, store: LogStore) -> None:
    run = "HKU\\S-1-5-21-7\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"
    rows = [
        sysmon(before(hours=1), 13, "A", TargetObject=f"{run}\\hlp", Details="C:\\h.exe", EventType="SetValue"),
        sysmon(before(hours=1), 13, "B", TargetObject=f"{run}Once\\hlp", Details="x", EventType="SetValue"),
        sysmon(before(hours=1), 12, "C", TargetObject="HKLM\\SOFTWARE\\Evil", EventType="CreateKey"),
    ]
    write_lines(folder / "events.json", rows)

    found = hunted(store, "registry_key", "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run")
    rule = (
        "title: T\nlogsource: {category: registry_add}\ndetection:\n"
        "  s: {TargetObject|startswith: HKEY_LOCAL_MACHINE\\SOFTWARE}\n  condition: s\n"
    )

    assert [(hit.device, hit.detail) for hit in found.hits] == [("A", "C:\\h.exe")]
    assert [hit.device for hit in hunt_for(store, sigma.read(rule).queries[0], Scope(), *DAY, 5).hits] == ["C"]


def test_a_connection_is_a_device_s_only_if_a_lease_covers_the_minute(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "conn.log",
        [
            conn(before(hours=3), "10.0.0.5", "203.0.113.44"),
            conn(before(minutes=30), "10.0.0.5", "203.0.113.44"),
            conn(before(minutes=20), "10.0.0.9", "203.0.113.44"),
            conn(before(minutes=10), "203.0.113.44", "10.0.0.7", 3389),
        ],
    )
    ssl = ends(before(minutes=30), "10.0.0.5", "203.0.113.44", 443) | {"server_name": "cdn.example"}
    write_lines(folder / "ssl.log", [ssl])
    write_lines(
        folder / "dhcp.log",
        [
            lease(before(hours=4), "10.0.0.5", "02:01", "FIN-01", 7200),
            lease(before(hours=1), "10.0.0.5", "02:02", "FIN-02"),
        ],
    )

    found = hunted(store, "address", "203.0.113.44")

    assert [(hit.device, hit.address) for hit in found.hits] == [
        ("FIN-01", "10.0.0.5"),
        ("FIN-02", "10.0.0.5"),
        ("", "10.0.0.9"),
        ("", "10.0.0.7"),
    ]
    assert [hit.device for hit in hunted(store, "domain", "cdn.example").hits] == ["FIN-02"]


EVENTS = [
    {"Image": image, "CommandLine": command, "ProcessId": pid}
    for image, command, pid in product(
        ("C:\\a_b.exe", "C:\\A%b!.exe", "D:\\x\\a_b.exe"), ("run /q", "RUN'; --", "-"), (4, 40)
    )
]
CONDITIONS = [
    Text("image", ("c:\\A_B.exe",)),
    Text("image", ("C:\\a_b.exe",), is_cased=True),
    Text("image", ("", "a_b", "")),
    Text("image", ("", "%", "")),
    Text("image", ("", "!.exe")),
    Text("image", ("C:\\a" + ONE + "b", "")),
    Text("image", ("", "\\A", ".exe"), is_cased=True),
    Text("command_line", ("", "';", "")),
    Empty("command_line"),
    Number("pid", ">=", 40),
    Not(Text("command_line", ("run", ""))),
    Both((Text("image", ("D", "")), Not(Number("pid", "==", 4)))),
    Either((Empty("command_line"), Both((Text("image", ("", "x", "")), Number("pid", "<", 40))))),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_the_sql_says_what_the_condition_says(folder: Path, store: LogStore, condition: Any) -> None:
    rows = [sysmon(before(hours=1), 1, f"D{number}", **event) for number, event in enumerate(EVENTS)]
    write_lines(folder / "events.json", rows)
    wanted = {
        f"D{number}"
        for number, one in enumerate(EVENTS)
        if holds(
            condition,
            {
                "image": one["Image"],
                "command_line": "" if one["CommandLine"] == "-" else one["CommandLine"],
                "pid": one["ProcessId"],
            },
        )
    }

    found = hunt_for(store, Query(kind=Kind.PROCESS, condition=condition), Scope(), *DAY, 99)

    assert {hit.device for hit in found.hits} == wanted


def test_patterns_of_rules_are_compared_by_duckdb_and_bad_ones_refused(folder: Path, store: LogStore) -> None:
    write_lines(folder / "events.json", [ran("A", "C:\\abc123.exe"), ran("B", "C:\\ABC.exe")])

    def matching(pattern: str, **more: bool) -> list[str]:
        query = Query(kind=Kind.PROCESS, condition=Regex("image", pattern, **more))
        return sorted(hit.device for hit in hunt_for(store, query, Scope(), *DAY, 9).hits)  # both of one moment

    assert matching("abc[0-9]+") == ["A"]
    assert matching("abc", is_cased=False) == ["A", "B"]
    with pytest.raises(SourceRefused, match="pattern"):
        matching("(?=abc)")


def test_a_rule_finds_what_was_recorded_on_a_real_attacked_host(sample: Callable[[str], LogStore]) -> None:
    rule = sigma.read(
        "title: Bitsadmin download\nlogsource: {category: process_creation, product: windows}\n"
        "detection:\n  s:\n    - Image|endswith: '\\bitsadmin.exe'\n    - OriginalFileName: bitsadmin.exe\n"
        "  c: {CommandLine|contains: [/transfer, /create]}\n  condition: s and c\n"
    )

    found = hunt_for(sample("windows-host"), rule.queries[0], Scope(), *EVER, 100)

    assert found.hits
    assert all(hit.what.lower().endswith("\\bitsadmin.exe") and hit.device for hit in found.hits)
