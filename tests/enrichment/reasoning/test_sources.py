"""Inside servers and how unusual each amount is for the device."""

from enrichment.reasoning.sources import inside_sources
from tests.enrichment.reasoning.flows import total

MB = 1_000_000
FILES, PRINTER = "10.0.0.9", "10.0.0.8"


def test_a_server_far_above_its_ordinary_day_is_unusual_and_first() -> None:
    days = [
        [total(PRINTER, 30 * MB), total(FILES, 12_100 * MB, peer_name="fs-01")],
        *[[total(PRINTER, 30 * MB), total(FILES, amount * MB)] for amount in (160, 185, 203)],
    ]

    first, second = inside_sources(days)

    assert (first.peer, first.is_unusual, second.is_unusual) == (FILES, True, False)
    assert (first.comparison.median, first.days_seen, first.share) == (185 * MB, 3, 0.998)
    assert first.sentence.startswith("fs-01: 12.1 GB received in the last 24 hours; the median of 3 past days")


def test_a_server_never_visited_before_is_said_so() -> None:
    days = [[total(FILES, 900 * MB)], *[[total(PRINTER, MB)]] * 4]

    (source,) = inside_sources(days)

    assert source.is_unusual
    assert source.sentence == "900.0 MB received from 10.0.0.9, where it was on no past day."


def test_days_off_do_not_lower_the_median() -> None:
    days = [
        [total(FILES, 200 * MB)],
        [total(FILES, 180 * MB)],
        [],
        [],
        [total(FILES, 190 * MB)],
        [total(FILES, 185 * MB)],
    ]

    (source,) = inside_sources(days)

    assert (source.comparison.days, source.comparison.median, source.is_unusual) == (3, 185 * MB, False)


def test_the_outside_and_crumbs_are_no_inside_sources() -> None:
    assert inside_sources([[total("192.0.2.1", 900 * MB, internal=False), total(FILES, 900)]]) == []
    assert inside_sources([]) == []


def test_several_ports_of_one_server_are_one_source() -> None:
    (source,) = inside_sources([[total(FILES, 5 * MB), total(FILES, 3 * MB, port=443)]])

    assert (source.bytes_in, source.ports) == (8 * MB, [443, 445])
