"""Files become tables once; grown, broken and half-written ones harm nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secops.logfiles.store import LogStore
from tests.secops.logfiles.writing import CONN_FIELDS, NOON, before, conn, sysmon, write_lines, write_table

COUNT = "SELECT count(*) FROM flows"


def count(store: LogStore, sql: str = COUNT) -> int:
    ((number,),) = store.query(sql)
    return int(number)


def test_an_empty_folder_answers_nothing(store: LogStore) -> None:
    assert store.query("SELECT * FROM flows") == []
    assert store.query("SELECT * FROM events") == []


def test_the_half_written_last_line_is_left_for_later(folder: Path, store: LogStore) -> None:
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1")], half='{"ts":177314')
    write_table(
        folder / "other_conn.log",
        "conn",
        CONN_FIELDS,
        [conn(NOON, "10.0.0.2", "192.0.2.1")],
        half="1773144000.5\tC9\t10.0.0.9\t50000\t192.0",
    )

    assert store.query("SELECT orig, resp FROM flows ORDER BY orig") == [
        ("10.0.0.1", "192.0.2.1"),
        ("10.0.0.2", "192.0.2.1"),
    ]


def test_unset_fields_are_empty_and_unknown_columns_ignored(folder: Path, store: LogStore) -> None:
    row = conn(NOON, "10.0.0.1", "192.0.2.1", service="-", duration="-", out="-", back="-", conn_state="S0")
    write_table(folder / "conn.log", "conn", CONN_FIELDS, [row])

    ((service, seconds, out, back, failed),) = store.query(
        "SELECT service, seconds, orig_bytes, resp_bytes, is_failed FROM flows"
    )

    assert (service, seconds, out, back, failed) == ("", 0, 0, 0, True)


def test_a_hash_sign_or_a_quote_in_a_table_hides_nothing(folder: Path, store: LogStore) -> None:
    fields = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "method", "host", "uri", "status_code")
    rows = [
        {"ts": NOON.timestamp(), "id.orig_h": "10.0.0.1", "id.resp_h": "192.0.2.1", "uri": uri, "status_code": 200}
        for uri in ('/a#b"c', "/plain")
    ]
    write_table(folder / "http.log", "http", fields, rows)

    assert store.query("SELECT path, status FROM web ORDER BY path") == [('/a#b"c', 200), ("/plain", 200)]


def test_a_grown_file_is_read_again_and_the_others_are_not(folder: Path, store: LogStore, tmp_path: Path) -> None:
    write_lines(folder / "conn.2026-03-09.log.gz", [conn(before(days=1), "10.0.0.1", "192.0.2.1")])
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1")])
    assert count(store) == 2
    cached = set((tmp_path / "cache").rglob("*.parquet"))

    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1"), conn(NOON, "10.0.0.2", "192.0.2.1")])

    assert count(store) == 3
    assert len(set((tmp_path / "cache").rglob("*.parquet")) - cached) == 1


def test_a_second_store_uses_what_the_first_converted(folder: Path, store: LogStore, tmp_path: Path) -> None:
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1")])
    assert count(store) == 1
    before_it = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.parquet")}

    assert count(LogStore(folder, tmp_path / "cache")) == 1
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.parquet")} == before_it


def test_a_cache_that_somebody_emptied_is_made_again(folder: Path, store: LogStore, tmp_path: Path) -> None:
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1")])
    assert count(store) == 1
    for path in (tmp_path / "cache").rglob("*.parquet"):
        path.unlink()

    assert count(store) == 1


def test_a_removed_file_is_gone_from_the_answers(folder: Path, store: LogStore) -> None:
    path = write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1")])
    assert count(store) == 1

    path.unlink()

    assert count(store) == 0


def test_a_cut_off_packed_file_gives_what_it_has(folder: Path, store: LogStore) -> None:
    rows = [conn(NOON, f"10.0.{n % 250}.{n // 250}", "192.0.2.1", out=n * 7919) for n in range(3000)]
    path = write_lines(folder / "conn.log.gz", rows)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert 500 < count(store) < 3000
    assert store.unreadable == []


def test_a_name_that_looks_like_a_pattern_is_one_file(folder: Path, store: LogStore) -> None:
    write_lines(folder / "conn[1]*'.log", [conn(NOON, "10.0.0.1", "192.0.2.1")])

    assert count(store) == 1


def test_bytes_that_are_no_text_do_not_hide_the_lines_beside_them(folder: Path, store: LogStore) -> None:
    path = write_table(folder / "conn.log", "conn", CONN_FIELDS, [conn(NOON, "10.0.0.1", "192.0.2.1")])
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines()[-1].replace(b"tcp", b"\xff\xfe") + b"\n")

    assert count(store) >= 1


def test_both_spellings_of_zeeks_json_are_read(folder: Path, store: LogStore) -> None:
    flat = {key.replace("id.", "id_"): value for key, value in conn(NOON, "10.0.0.2", "192.0.2.1").items()}
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1"), flat])

    assert store.query("SELECT orig, orig_port FROM flows ORDER BY orig") == [("10.0.0.1", 50000), ("10.0.0.2", 50000)]


def test_zeeks_iso_times_are_read_too(folder: Path, store: LogStore) -> None:
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1") | {"ts": "2026-03-10T12:00:00.250000Z"}])

    assert store.query("SELECT seen_at FROM flows") == [(datetime(2026, 3, 10, 12, 0, 0, 250_000),)]  # noqa: DTZ001


def test_suricatas_zone_without_colon_is_turned_to_utc(folder: Path, store: LogStore) -> None:
    flow: dict[str, Any] = {"start": "2026-03-10T14:00:00.500000+0200", "end": "2026-03-10T14:00:02.500000+0200"}
    flow |= {"bytes_toserver": 300, "bytes_toclient": 0, "pkts_toclient": 0}
    row: dict[str, Any] = {
        "timestamp": "2026-03-10T14:10:00.000000+0200",
        "flow_id": 7,
        "event_type": "flow",
        "proto": "TCP",
    }
    row |= {"src_ip": "203.0.113.9", "src_port": 4000, "dest_ip": "10.0.0.1", "dest_port": 22, "flow": flow}
    write_lines(folder / "eve.json", [row, {"event_type": "stats", "timestamp": row["timestamp"]}])

    assert store.query("SELECT seen_at, seconds, proto, orig_bytes, is_failed FROM flows") == [
        (datetime(2026, 3, 10, 12, 0, 0, 500_000, tzinfo=UTC).replace(tzinfo=None), 2.0, "tcp", 300, True)
    ]


def test_times_from_the_start_of_a_capture_need_the_flag(folder: Path, store: LogStore, tmp_path: Path) -> None:
    write_lines(folder / "conn.log", [conn(12.5, "10.0.0.1", "192.0.2.1"), conn(NOON, "10.0.0.1", "192.0.2.1")])

    assert count(store) == 1
    assert count(LogStore(folder, tmp_path / "cache", is_relative=True)) == 2


def test_events_of_no_question_are_not_kept(folder: Path, store: LogStore) -> None:
    write_lines(folder / "events.ndjson", [sysmon(NOON, 10), sysmon(NOON, 1, Image="C:\\a.exe")], half='{"Event":')

    assert store.query("SELECT event, host, image FROM events") == [(1, "fin-01", "C:\\a.exe")]


def test_many_threads_may_ask_at_once(folder: Path, store: LogStore) -> None:
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", f"192.0.2.{n}") for n in range(100)])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: count(store), range(40))) == {100}


def test_absurd_numbers_hide_only_their_own_line(folder: Path, store: LogStore) -> None:
    good = conn(NOON, "10.0.0.1", "192.0.2.1")
    absurd = [good | {"ts": ts} for ts in (1e300, -1e300, "NaN", "soon", None)]
    absurd += [good | {"orig_bytes": 10**40, "id.resp_p": 10**20, "duration": "long", "ts": NOON.timestamp() - 1}]
    write_lines(folder / "conn.log", [*absurd, good])
    huge = sysmon(NOON, 1, ProcessId=10**30, Image="C:\\a.exe")
    write_lines(folder / "events.ndjson", [huge, sysmon(NOON, 3, DestinationPort=2**50, Image="C:\\b.exe")])

    assert count(store) == 2
    assert store.query("SELECT orig_bytes, resp_port FROM flows ORDER BY seen_at") == [(0, 0), (1000, 443)]
    assert store.query("SELECT image, pid FROM events ORDER BY image") == [("C:\\a.exe", None), ("C:\\b.exe", None)]
    assert store.unreadable == []


def test_nothing_is_written_beside_the_cache(folder: Path, store: LogStore, tmp_path: Path) -> None:
    write_lines(folder / "conn.log", [conn(NOON, "10.0.0.1", "192.0.2.1")])
    write_lines(folder / "events.ndjson", [sysmon(NOON, 1)])
    assert count(store) == 1

    assert {path.name for path in folder.iterdir()} == {"conn.log", "events.ndjson"}
    assert {path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()} <= {".parquet", ""}
