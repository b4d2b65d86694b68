"""What a device sent, to whom, and who came to it; the real samples agree with what was counted in them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secops.connectors.capabilities.identity import Host
from secops.logfiles.flows import connections, fan_out, flow_window, peers, talkers, volumes
from secops.logfiles.store import LogStore
from secops.logfiles.web import web_requests
from tests.secops.logfiles.writing import NOON, before, conn, ends, write_lines

EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
HOST = Host(address="10.0.0.1")


def eve(at: datetime, src: str, dest: str, port: int, kind: str = "flow", **more: object) -> dict[str, object]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
    row = {"timestamp": stamp, "flow_id": 99, "event_type": kind, "src_ip": src, "src_port": 50_000, "dest_ip": dest}
    flow = {"start": stamp, "end": stamp, "bytes_toserver": 5000, "bytes_toclient": 9000, "pkts_toclient": 9}
    return row | {"dest_port": port, "proto": "TCP", "flow": flow} | more


def test_connections_are_seen_from_the_device(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "conn.log",
        [
            conn(before(hours=1), "10.0.0.1", "192.0.2.1", out=10, back=20),
            conn(before(hours=2), "192.0.2.1", "10.0.0.1", 3389, out=30, back=40),
            conn(before(hours=2), "10.0.0.1", "192.0.2.2"),
            conn(before(days=2), "10.0.0.1", "192.0.2.1"),
        ],
    )

    first, second = connections(store, HOST, "192.0.2.1", before(days=1), NOON)

    assert (first.is_inbound, first.bytes_out, first.bytes_in, first.peer_port) == (True, 40, 30, 3389)
    assert (second.is_inbound, second.bytes_out, second.bytes_in, second.peer_port) == (False, 10, 20, 443)
    assert second.at == before(hours=1)


def test_a_peer_may_be_asked_for_by_its_name(folder: Path, store: LogStore) -> None:
    write_lines(folder / "conn.log", [conn(before(hours=1), "10.0.0.1", "192.0.2.1", uid="C1")])
    names = [{"ts": before(hours=1).timestamp(), "uid": "C1", "server_name": "Files.example", "established": True}]
    write_lines(folder / "ssl.log", names)

    (flow,) = connections(store, HOST, "FILES.example", before(days=1), NOON)

    assert flow.peer_name == "files.example"
    assert talkers(store, "files.example", before(days=1), NOON) == ["10.0.0.1"]


def test_days_count_back_from_the_end_that_is_given(folder: Path, store: LogStore) -> None:
    end = before(days=300)
    spans = (timedelta(hours=1), timedelta(hours=25), timedelta(hours=47), timedelta(hours=73))
    write_lines(
        folder / "conn.log", [conn(end - span, "10.0.0.1", "192.0.2.1", out=10**n) for n, span in enumerate(spans)]
    )

    days = volumes(store, HOST, end, 3, internal=False)

    assert [(day.days_ago, day.bytes_out, day.connections) for day in days] == [(0, 1, 1), (1, 110, 2), (2, 0, 0)]


def test_inside_and_outside_are_told_apart_and_the_house_may_have_more_networks(
    folder: Path, store: LogStore, tmp_path: Path
) -> None:
    inside = ("192.168.1.1", "172.31.0.1", "fd00::1", "224.0.0.251", "255.255.255.255", "fe80::1")
    outside = ("192.0.2.1", "172.32.0.1", "2001:db8::1")
    write_lines(folder / "conn.log", [conn(before(hours=1), "10.0.0.1", peer, out=1) for peer in (*inside, *outside)])
    wider = LogStore(folder, tmp_path / "cache", networks=("192.0.2.0/24",))

    assert volumes(store, HOST, NOON, 1, internal=True)[0].peers == len(inside)
    assert volumes(store, HOST, NOON, 1, internal=False)[0].peers == len(outside)
    assert volumes(wider, HOST, NOON, 1, internal=True)[0].peers == len(inside) + 1
    assert {peer.peer: peer.is_internal for peer in peers(wider, HOST, before(days=1), NOON, inbound=False)}[
        "192.0.2.1"
    ]


def test_peers_are_the_busiest_first_and_inbound_is_asked_apart(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "conn.log",
        [
            conn(before(hours=3), "10.0.0.1", "192.0.2.1", out=10, back=0),
            conn(before(hours=1), "10.0.0.1", "192.0.2.1", out=20, back=0),
            conn(before(hours=1), "10.0.0.1", "192.0.2.2", out=0, back=500),
            conn(before(hours=1), "203.0.113.9", "10.0.0.1", 22),
            conn(before(minutes=30), "203.0.113.9", "10.0.0.1", 23),
        ],
    )

    first, second = peers(store, HOST, before(days=1), NOON, inbound=False)
    (visitor,) = peers(store, HOST, before(days=1), NOON, inbound=True)

    assert (first.peer, first.bytes_in) == ("192.0.2.2", 500)
    assert (second.connections, second.bytes_out) == (2, 30)
    assert (second.first_at, second.last_at) == (before(hours=3), before(hours=1))
    assert (visitor.peer, visitor.connections) == ("203.0.113.9", 2)


def test_what_zeek_and_suricata_both_saw_is_counted_once_as_zeek_has_it(folder: Path, store: LogStore) -> None:
    write_lines(folder / "zeek/conn.log", [conn(before(hours=1), "10.0.0.1", "192.0.2.1", out=100)])
    write_lines(
        folder / "eve.json",
        [eve(before(hours=1), "10.0.0.1", "192.0.2.1", 443), eve(before(hours=2), "10.0.0.1", "192.0.2.1", 443)],
    )

    (day,) = volumes(store, HOST, NOON, 1, internal=False)

    assert (day.connections, day.bytes_out) == (2, 5100)


def test_a_file_and_its_rotated_copy_are_counted_once(folder: Path, store: LogStore) -> None:
    rows = [conn(before(minutes=n), "10.0.0.1", "192.0.2.1") for n in range(1, 21)]
    write_lines(folder / "conn.log", rows)
    write_lines(folder / "conn.2026-03-10.log.gz", rows)

    assert volumes(store, HOST, NOON, 1, internal=False)[0].connections == 20


def test_quick_repeats_in_one_file_are_connections_of_their_own(folder: Path, store: LogStore) -> None:
    write_lines(folder / "conn.log", [conn(before(seconds=n / 4 + 1), "10.0.0.1", "192.0.2.1") for n in range(8)])

    assert len(connections(store, HOST, "192.0.2.1", before(days=1), NOON)) == 8


def test_fan_out_leaves_out_long_answered_and_inbound_connections(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "conn.log",
        [
            conn(before(minutes=1), "10.0.0.1", "10.0.0.2", 445, conn_state="S0", back=0, duration=3.0),
            conn(before(minutes=2), "10.0.0.1", "10.0.0.3", 445, duration=0.2),
            conn(before(minutes=3), "10.0.0.1", "10.0.0.4", 445, duration=5.0),
            conn(before(minutes=4), "10.0.0.5", "10.0.0.1", 445, duration=0.2),
        ],
    )

    assert [flow.peer for flow in fan_out(store, HOST, before(days=1), NOON)] == ["10.0.0.3", "10.0.0.2"]


def test_the_window_is_what_the_logs_cover(folder: Path, store: LogStore) -> None:
    assert flow_window(store).start is None
    write_lines(folder / "conn.log", [conn(at, "10.0.0.1", "192.0.2.1") for at in (before(days=6), NOON)])

    window = flow_window(store)

    assert (window.start, window.end) == (before(days=6), NOON)


def test_web_requests_are_told_once_and_oldest_first(folder: Path, store: LogStore) -> None:
    row = ends(before(hours=1), "10.0.0.1", "192.0.2.1", 80) | {
        "method": "GET",
        "host": "files.example",
        "uri": "/a.zip",
    }
    row |= {
        "status_code": 200,
        "request_body_len": 0,
        "response_body_len": 38_600_000,
        "resp_mime_types": ["application/zip"],
    }
    write_lines(folder / "http.log", [row, row | {"ts": before(hours=2).timestamp(), "uri": "/first"}])
    http = {"hostname": "files.example", "url": "/a.zip", "http_method": "GET", "status": 200, "length": 5}
    write_lines(folder / "eve.json", [eve(before(hours=1), "10.0.0.1", "192.0.2.1", 80, "http", http=http)])

    first, second = web_requests(store, HOST, before(days=1), NOON)

    assert (first.path, second.path) == ("/first", "/a.zip")
    assert (second.host, second.status, second.bytes_in, second.content_type) == (
        *("files.example", 200, 38_600_000),
        "application/zip",
    )


def test_the_attack_sample_has_the_published_connections(sample: Callable[[str], LogStore]) -> None:
    store = sample("apt29-day1")
    nashua = connections(store, Host(address="10.0.1.6"), "192.168.0.4", *EVER)
    scranton = Host(address="10.0.1.4")

    assert len([flow for flow in nashua if flow.peer_port == 8443]) == 376
    assert sum(flow.bytes_out for flow in connections(store, scranton, "192.168.0.4", *EVER)) == 2_187_099
    assert sum(flow.bytes_out for flow in connections(store, scranton, "10.0.1.6", *EVER)) == 5_959_455
    assert web_requests(store, scranton, *EVER)[0].user_agent == "DavClnt"


def test_the_scanned_sample_has_the_published_inbound_flows(sample: Callable[[str], LogStore]) -> None:
    store = sample("suricata-day")
    ((flows, sources),) = store.query("SELECT count(*), count(DISTINCT orig) FROM flows WHERE resp = '192.168.1.129'")
    inbound = peers(store, Host(address="192.168.1.129"), *EVER, inbound=True)

    assert (flows, sources) == (2761, 953)
    assert len(inbound) == 500
    assert not [flow for flow in fan_out(store, Host(address="192.168.1.129"), *EVER) if flow.is_inbound]


def test_names_and_leases_of_a_mixed_sample_are_read(sample: Callable[[str], LogStore]) -> None:
    store = sample("zeek-mixed")
    found = peers(store, Host(name="john-pc"), *EVER, inbound=False)

    assert sum(peer.connections for peer in found) > 300
    assert any(peer.peer_name == "netflix.com" for peer in found)
