"""A device keeps its traffic when its address changes, and gets nobody else's when an address is lent on."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from secops.connectors.capabilities.identity import Host
from secops.logfiles.clock import naive
from secops.logfiles.flows import talkers, volumes
from secops.logfiles.leases import Acknowledgement, LeaseBook, lease_at, spans_of
from secops.logfiles.store import LogStore
from tests.secops.logfiles.writing import NOON, before, conn, lease, sysmon, write_lines

FIN, TAB = "02:00:00:00:00:01", "02:00:00:00:00:02"


def book(*given: tuple[datetime, str, str, str]) -> LeaseBook:
    return LeaseBook(
        Acknowledgement(at=naive(at), address=address, mac=mac, hostname=name, seconds=86_400)
        for at, address, mac, name in given
    )


@pytest.fixture
def moved(folder: Path) -> Path:
    """FIN-01 had .10 until two days ago and has .20 since; TAB-01 took over .10 a day ago."""
    write_lines(
        folder / "dhcp.log",
        [
            lease(before(days=4), "10.0.0.10", FIN, "FIN-01"),
            lease(before(days=3, hours=12), "10.0.0.10", FIN, "FIN-01"),
            lease(before(days=2), "10.0.0.20", FIN, "FIN-01"),
            lease(before(days=1), "10.0.0.10", TAB, "tab-01.corp.example"),
            lease(before(days=1), "10.0.0.20", FIN, "FIN-01"),
        ],
    )
    return folder


def test_renewals_are_one_lease(moved: Path, store: LogStore) -> None:
    found = lease_at(store, "10.0.0.10", before(days=3, hours=2))

    assert found is not None
    assert (found.mac, found.hostname, found.starts_at) == (FIN, "FIN-01", before(days=4))
    assert found.ends_at == before(days=2, hours=12)


def test_a_lease_that_runs_on_has_no_end(moved: Path, store: LogStore) -> None:
    found = lease_at(store, "10.0.0.20", NOON - timedelta(hours=1))

    assert found is not None
    assert found.ends_at is None


def test_a_minute_that_no_lease_covers_has_none(moved: Path, store: LogStore) -> None:
    assert lease_at(store, "10.0.0.10", before(days=5)) is None
    assert lease_at(store, "10.0.0.10", before(days=2, hours=1)) is None
    assert lease_at(store, "10.0.0.99", NOON) is None


def test_a_lease_ends_when_the_address_is_given_away() -> None:
    found = book((before(hours=5), "10.0.0.10", FIN, "a"), (before(hours=2), "10.0.0.10", TAB, "b")).lease_at(
        "10.0.0.10", naive(before(hours=3))
    )

    assert found is not None
    assert found.ends_at == before(hours=2)


@pytest.mark.parametrize(
    "host",
    [
        Host(name="fin-01"),
        Host(address="10.0.0.20"),
        Host(name="FIN-01.corp.example", address="10.0.0.20"),
        Host(mac=FIN),
    ],
)
def test_both_addresses_count_for_their_days(moved: Path, store: LogStore, host: Host) -> None:
    write_lines(
        moved / "conn.log",
        [
            conn(before(days=3, hours=1), "10.0.0.10", "192.0.2.1", out=100),
            conn(before(days=3, hours=1), "10.0.0.20", "192.0.2.1", out=1),  # somebody else's then
            conn(before(hours=30), "10.0.0.20", "192.0.2.1", out=200),
            conn(before(hours=1), "10.0.0.20", "192.0.2.1", out=300),
            conn(before(hours=1), "10.0.0.10", "192.0.2.1", out=7_000),  # TAB-01's by now
        ],
    )

    assert [day.bytes_out for day in volumes(store, host, NOON, 5, internal=False)] == [300, 200, 0, 100, 0]


def test_an_address_means_the_device_that_had_it_at_the_end_asked_about(moved: Path, store: LogStore) -> None:
    write_lines(
        moved / "conn.log",
        [
            conn(before(days=3), "10.0.0.10", "192.0.2.1", out=100),
            conn(before(hours=1), "10.0.0.10", "192.0.2.1", out=7_000),
        ],
    )

    then = volumes(store, Host(address="10.0.0.10"), before(days=2, hours=12), 2, internal=False)
    now = volumes(store, Host(address="10.0.0.10"), NOON, 5, internal=False)

    assert sum(day.bytes_out for day in then) == 100
    assert sum(day.bytes_out for day in now) == 7_000


def test_without_leases_an_address_is_itself(folder: Path, store: LogStore) -> None:
    (span,) = spans_of(store, Host(address="10.0.0.9"), naive(before(days=1)), naive(NOON))

    assert (span.address, span.start, span.end) == ("10.0.0.9", naive(before(days=1)), naive(NOON))


def test_a_device_without_lease_is_found_by_its_own_connections(folder: Path, store: LogStore) -> None:
    write_lines(
        folder / "sysmon.ndjson",
        [sysmon(NOON, 3, "SRV-01", SourceIp="10.0.0.5", DestinationIp="192.0.2.1", Initiated="true")],
    )

    assert [span.address for span in spans_of(store, Host(name="SRV-01"), naive(before(days=1)), naive(NOON))] == [
        "10.0.0.5"
    ]


def test_an_unknown_name_has_no_traffic(moved: Path, store: LogStore) -> None:
    write_lines(moved / "conn.log", [conn(before(hours=1), "10.0.0.20", "192.0.2.1")])

    assert [day.connections for day in volumes(store, Host(name="nobody"), NOON, 2, internal=False)] == [0, 0]


def test_a_device_whose_address_changed_is_one_talker(moved: Path, store: LogStore) -> None:
    write_lines(
        moved / "conn.log",
        [
            conn(before(days=3), "10.0.0.10", "192.0.2.1"),
            conn(before(hours=1), "10.0.0.20", "192.0.2.1"),
            conn(before(hours=1), "10.0.0.10", "192.0.2.1"),
            conn(before(hours=1), "10.0.0.77", "192.0.2.1"),
            conn(before(hours=1), "203.0.113.1", "192.0.2.1"),
        ],
    )

    assert talkers(store, "192.0.2.1", before(days=5), NOON) == ["10.0.0.77", "FIN-01", "tab-01"]
