"""Many ports of one host, one port of many hosts, or both; and what only looks like it."""

from collections.abc import Callable

from enrichment.reasoning.scan import find_scans
from secops.connectors.capabilities.traffic import Flow
from tests.enrichment.reasoning.flows import flow


def test_many_ports_of_one_host_are_a_vertical_scan() -> None:
    (scan,) = find_scans([flow(n / 10, peer="10.0.0.9", port=n, bytes_in=0) for n in range(1, 51)])

    assert (scan.kind, scan.target, scan.ports, scan.hosts, scan.failed_share) == ("vertical", "10.0.0.9", 50, 1, 1.0)
    assert scan.sentence == "50 ports of 10.0.0.9 tried within 4.9 s, 100% without an answer."


def test_one_port_of_many_hosts_is_a_horizontal_scan() -> None:
    (scan,) = find_scans([flow(n, peer=f"10.0.0.{n}", port=445, bytes_in=0) for n in range(40)])

    assert (scan.kind, scan.target, scan.hosts) == ("horizontal", "445", 40)


def test_many_ports_of_many_hosts_are_one_block() -> None:
    (scan,) = find_scans([flow(n, peer=f"10.0.0.{n % 20}", port=n // 20, bytes_in=0) for n in range(20 * 20)])

    assert (scan.kind, scan.hosts, scan.ports, scan.connections) == ("block", 20, 20, 400)


def test_a_browser_that_is_answered_scans_nobody() -> None:
    assert find_scans([flow(n, peer=f"192.0.2.{n}", bytes_in=9_000) for n in range(100)]) == []


def test_ports_tried_slowly_over_a_day_are_no_scan() -> None:
    assert find_scans([flow(n * 1800, peer="10.0.0.9", port=n, bytes_in=0) for n in range(40)]) == []


def test_what_others_try_at_the_device_is_not_its_scan() -> None:
    assert find_scans([flow(n, port=n, bytes_in=0, is_inbound=True) for n in range(100)]) == []


def test_a_scan_that_comes_back_next_day_is_two() -> None:
    once = [flow(n, peer="10.0.0.9", port=n, bytes_in=0) for n in range(20)]
    again = [flow(86_400 + n, peer="10.0.0.9", port=n, bytes_in=0) for n in range(20)]

    assert [scan.connections for scan in find_scans([*again, *once])] == [20, 20]


def test_ordinary_connections_of_the_day_are_not_counted_in() -> None:
    day = [flow(n * 3600, peer="10.0.0.9", port=443, bytes_in=500) for n in range(24)]
    (scan,) = find_scans([*day, *(flow(7200 + n, peer="10.0.0.9", port=n, bytes_in=0) for n in range(30))])

    assert scan.seconds < 60


def test_twenty_thousand_connections_are_judged_quickly() -> None:
    (scan,) = find_scans([flow(n / 100, peer="10.0.0.9", port=n % 1000, bytes_in=0) for n in range(20_000)])

    assert (scan.connections, scan.ports) == (20_000, 1000)


def test_the_real_scan_is_vertical(fanned: Callable[[str, str], list[Flow]]) -> None:
    (scan,) = find_scans(fanned("port-scan-vertical", "192.168.1.9"))

    assert (scan.kind, scan.target) == ("vertical", "45.33.32.156")
    assert scan.seconds <= 5.1
    assert scan.ports >= 40
    assert scan.failed_share == 1.0


def test_real_devices_that_were_scanned_did_not_scan(fanned: Callable[[str, str], list[Flow]]) -> None:
    assert find_scans(fanned("benign-day-attacked", "147.32.81.167")) == []
    assert find_scans(fanned("suricata-day", "192.168.1.129")) == []
