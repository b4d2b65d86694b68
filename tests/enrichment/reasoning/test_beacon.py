"""Regular is measured and said; malicious it becomes only by what others know."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from enrichment.reasoning.beacon import Beacon, Surroundings, find_beacon, find_beacons, judge_beacon
from secops.connectors.capabilities.places import Listing, Reputation
from secops.connectors.capabilities.traffic import Flow
from tests.enrichment.reasoning.flows import NOON, flow, ticks

BAD = Reputation(malicious=9, checked=90, families=["Marrowlink"])
CLEAN = Reputation(harmless=80, checked=90)


def measured(flows: list[Flow]) -> Beacon:
    beacon = find_beacon(flows)
    assert beacon is not None
    return beacon


def test_a_minute_with_a_little_jitter_is_regular() -> None:
    random = Random(1)
    beacon = measured(ticks(300, 60, spread=[random.gauss(0, 1.2) for _ in range(300)]))

    assert beacon.is_regular
    assert beacon.period == pytest.approx(60, abs=0.5)
    assert 1 < beacon.jitter_percent < 5
    assert (beacon.connections, beacon.bytes_out) == (300, 30_000)
    assert beacon.sentence == (
        f"300 connections to 203.0.113.44:443, one every {beacon.period:.1f} s "
        f"(jitter {beacon.jitter_percent:.0f} %), 30.0 kB sent."
    )


def test_a_night_without_the_device_changes_neither_period_nor_jitter() -> None:
    beacon = measured([*ticks(100, 300), *ticks(100, 300, start=30_000 + 12 * 3600)])

    assert beacon.is_regular
    assert (beacon.period, beacon.jitter_percent, beacon.pauses) == (300, 0, 1)
    assert beacon.coverage > 0.9


def test_lost_beats_lower_the_coverage_but_not_the_period() -> None:
    random = Random(2)
    beacon = measured([one for one in ticks(400, 60) if random.random() < 0.8])

    assert beacon.is_regular
    assert beacon.period == 60
    assert 0.7 < beacon.coverage < 1


def test_connections_by_chance_are_not_regular() -> None:
    random = Random(3)
    moments = sorted(random.uniform(0, 36_000) for _ in range(500))

    assert not measured([flow(moment) for moment in moments]).is_regular


def test_a_burst_is_not_regular() -> None:
    assert not measured(ticks(300, 0.2)).is_regular
    assert not measured([flow(0) for _ in range(300)]).is_regular


def test_too_few_connections_are_measured_but_not_called_regular() -> None:
    assert find_beacon([flow(1)]) is None
    assert not measured(ticks(6, 60)).is_regular


def test_what_others_open_is_not_the_devices_beacon() -> None:
    assert find_beacon([flow(n * 60, is_inbound=True) for n in range(100)]) is None


def test_the_regular_peers_are_picked_out() -> None:
    random = Random(4)
    noise = [flow(random.uniform(0, 20_000), peer=f"192.0.2.{n % 9}") for n in range(300)]

    assert [beacon.peer for beacon in find_beacons([*noise, *ticks(200, 60)])] == ["203.0.113.44"]


REGULAR = ticks(200, 60)


@pytest.mark.parametrize(
    ("around", "verdict"),
    [
        (Surroundings(), "suspicious"),
        (Surroundings(devices=1, known_devices=40), "suspicious"),
        (Surroundings(devices=1, is_signed=False), "suspicious"),
        (Surroundings(devices=38, known_devices=40), "informational"),
        (Surroundings(devices=38, known_devices=40, is_signed=False), "informational"),
        (Surroundings(devices=1, is_signed=True, signer="Stowage"), "informational"),
        (Surroundings(devices=38, known_devices=40, is_signed=True), "benign"),
        (Surroundings(devices=2, known_devices=2, is_signed=True), "informational"),
        (Surroundings(devices=1, reputation=BAD), "malicious"),
        (Surroundings(devices=38, known_devices=40, is_signed=True, reputation=BAD), "malicious"),
        (Surroundings(devices=1, reputation=Reputation(malicious=1, checked=90)), "suspicious"),
        (Surroundings(devices=1, reputation=CLEAN), "suspicious"),
        (Surroundings(devices=1, listings=[Listing(name="Big networks", kind="hosting")]), "suspicious"),
    ],
)
def test_the_surroundings_decide_what_regular_means(around: Surroundings, verdict: str) -> None:
    judgement = judge_beacon(measured(REGULAR), around)

    assert judgement.verdict == verdict
    assert judgement.headline
    assert judgement.signals


def test_a_known_bad_address_is_bad_without_any_pattern() -> None:
    judgement = judge_beacon(measured(ticks(3, 60)), Surroundings(reputation=BAD))

    assert judgement.verdict == "malicious"
    assert judgement.headline == "3 connections to 203.0.113.44, known for Marrowlink"


def test_without_a_pattern_nothing_is_made_of_a_rare_unsigned_program() -> None:
    random = Random(5)
    moments = sorted(random.uniform(0, 36_000) for _ in range(100))
    beacon = measured([flow(moment) for moment in moments])

    assert judge_beacon(beacon, Surroundings(devices=1, is_signed=False)).verdict == "informational"


def test_every_reason_is_told_and_the_heaviest_comes_first() -> None:
    around = Surroundings(
        devices=1,
        known_devices=40,
        is_signed=False,
        process="C:\\U\\updater.exe",
        reputation=BAD,
        registered_days_ago=3,
        listings=[Listing(name="Ranges", kind="hosting")],
    )
    texts = [signal.text for signal in judge_beacon(measured(REGULAR), around).signals]

    assert texts[0] == "Malicious by 9 of 90 engines (Marrowlink)."
    assert set(texts[1:]) >= {
        "Only this device of 40 goes there.",
        "updater.exe is not signed.",
        "Registered 3 days ago.",
        "Listed as hosting on Ranges.",
    }


def test_the_order_of_the_flows_does_not_matter() -> None:
    assert find_beacon(REGULAR) == find_beacon(REGULAR[::-1])
    assert measured(REGULAR).last_at - measured(REGULAR).first_at == timedelta(seconds=199 * 60)
    assert measured(REGULAR).first_at == NOON


def test_the_real_command_channel_is_regular_and_suspicious(between: Callable[[str, str, str], list[Flow]]) -> None:
    beacon = measured(between("njrat-c2", "192.168.1.115", "41.108.179.197"))

    assert (beacon.connections, beacon.period, beacon.mad, beacon.port) == (237, 11.51, 2.51, 1177)
    assert beacon.is_regular
    assert judge_beacon(beacon, Surroundings(devices=1)).verdict == "suspicious"


@pytest.mark.parametrize(
    ("peer", "connections", "period", "signer"),
    [
        ("91.228.167.171", 248, 301.64, "ESET, spol. s r.o."),
        ("51.104.162.168", 89, 900.15, "Microsoft Windows"),
        ("20.54.24.231", 88, 900.15, "Microsoft Windows"),
    ],
)
def test_real_updaters_are_very_regular_and_not_convicted(
    between: Callable[[str, str, str], list[Flow]], peer: str, connections: int, period: float, signer: str
) -> None:
    beacon = measured(between("benign-day-attacked", "147.32.81.167", peer))
    verdicts = [
        judge_beacon(beacon, around).verdict
        for around in (
            Surroundings(),
            Surroundings(devices=1, is_signed=True, signer=signer),
            Surroundings(devices=30, known_devices=40, is_signed=True, signer=signer),
        )
    ]

    assert (beacon.connections, beacon.is_regular) == (connections, True)
    assert beacon.period == pytest.approx(period, abs=0.01)
    assert verdicts == ["suspicious", "informational", "benign"]


def test_the_real_burst_of_the_attack_sample_is_no_beacon(between: Callable[[str, str, str], list[Flow]]) -> None:
    flows = [one for one in between("apt29-day1", "10.0.1.6", "192.168.0.4") if one.peer_port == 8443]

    assert len(flows) == 376
    assert not measured(flows).is_regular
