"""Files are recognised by what is in them, under whatever name they were rotated to."""

import gzip
from pathlib import Path

import pytest

from secops.logfiles.catalogue import Catalogue, Kind, recognise
from tests.secops.logfiles.writing import CONN_FIELDS, NOON, conn, lease, sysmon, write_lines, write_table

FLOW = {"timestamp": "2026-03-10T12:00:00.000000+0200", "flow_id": 1, "event_type": "flow", "src_ip": "10.0.0.1"}


@pytest.mark.parametrize(
    "name", ["conn.log", "conn.2026-03-09.log.gz", "a/HQ_conn.log", "renamed.json", "conn.log.1", "labeled-conn.log"]
)
def test_a_connection_log_is_found_under_any_name(folder: Path, name: str) -> None:
    write_lines(folder / name, [conn(NOON, "10.0.0.1", "192.0.2.1")])

    assert [log.kind for log in Catalogue(folder).files()] == [Kind.CONN]


def test_the_header_of_a_table_says_what_it_is(folder: Path) -> None:
    path = write_table(folder / "x.log", "conn", CONN_FIELDS, [conn(NOON, "10.0.0.1", "192.0.2.1")])

    log = recognise(path)

    assert log is not None
    assert (log.kind, log.fields[0], log.separator, log.header_lines) == (Kind.CONN, "ts", "\t", 8)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (lease(NOON, "10.0.0.1", "aa:bb", "fin-01"), Kind.DHCP),
        (FLOW, Kind.EVE),
        (sysmon(NOON, 1), Kind.WINDOWS),
        ({"EventID": 13, "Hostname": "X"}, Kind.WINDOWS),
        ({"winlog": {"event_id": 1}, "@timestamp": "2026-03-10T12:00:00Z"}, Kind.WINDOWS),
        ({"ts": 1.0, "query": "a.example", "uid": "C"}, None),
        ({"level": "info", "message": "an application's own log"}, None),
    ],
)
def test_the_first_line_tells_the_kind(folder: Path, row: dict[str, object], kind: Kind | None) -> None:
    log = recognise(write_lines(folder / "some.json", [row]))

    assert (log.kind if log else None) == kind


def test_a_packed_file_that_is_still_being_written_is_recognised(folder: Path) -> None:
    path = write_lines(folder / "conn.log.gz", [conn(NOON, "10.0.0.1", f"192.0.2.{n}") for n in range(200)])
    path.write_bytes(path.read_bytes()[:-20])

    log = recognise(path)

    assert log is not None
    assert log.is_packed


def test_a_packed_file_is_known_by_its_bytes_not_by_its_name(folder: Path) -> None:
    path = folder / "conn.log"
    path.write_bytes(gzip.compress(b'{"ts": 1.0, "conn_state": "SF"}\n'))

    log = recognise(path)

    assert log is not None
    assert log.is_packed


def test_hidden_files_and_other_files_are_left_alone(folder: Path) -> None:
    write_lines(folder / ".git" / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1")])
    (folder / "notes.txt").write_text("conn_state")
    (folder / "empty.log").write_text("")

    assert Catalogue(folder).files() == []
