"""Today against the device's own past days."""

import pytest

from enrichment.reasoning.volume import compare_received, compare_sent
from secops.connectors.capabilities.traffic import DayVolume

MB = 1_000_000


def days(*sent: float) -> list[DayVolume]:
    return [
        DayVolume(
            days_ago=number,
            bytes_out=int(count * MB),
            bytes_in=int(count * 2 * MB),
            connections=1 if count else 0,
            peers=1,
        )
        for number, count in enumerate(sent)
    ]


def test_far_above_the_own_days_is_unusual_and_said_in_words() -> None:
    comparison = compare_sent(days(48.2, 3.1, 2.8, 3.4, 0, 3.0))

    assert comparison.is_unusual
    assert (comparison.today, comparison.median, comparison.days) == (48_200_000, 3_050_000, 4)
    assert comparison.ratio == pytest.approx(15.8, abs=0.01)
    assert comparison.sentence == (
        "48.2 MB sent in the last 24 hours; the median of 4 past days with traffic is 3.0 MB, 16 times as much."
    )


@pytest.mark.parametrize(
    "sent",
    [
        (3.2, 3.1, 2.8, 3.4, 3.0),  # as ever
        (9.0, 0.1, 0.1, 0.1, 0.1),  # many times as much, and still little
        (48.0, 40.0, 2.0, 60.0, 3.0, 55.0),  # its days differ as much
        (48.0, 3.0, 3.0),  # too short a past
        (48.0,),
        (0, 3.0, 3.0, 3.0),
        (),
    ],
)
def test_these_are_not_unusual(sent: tuple[float, ...]) -> None:
    comparison = compare_sent(days(*sent))

    assert not comparison.is_unusual
    assert comparison.sentence


def test_days_on_which_the_device_was_off_are_left_out() -> None:
    assert compare_sent(days(48.2, 0, 0, 0, 3.0)).days == 1


def test_what_was_received_is_compared_by_itself() -> None:
    comparison = compare_received(days(48.2, 3, 3, 3))

    assert comparison.today == 96_400_000
    assert "received" in comparison.sentence


def test_no_past_gives_no_ratio() -> None:
    comparison = compare_sent(days(48.2))

    assert comparison.ratio is None
    assert comparison.sentence == "48.2 MB sent in the last 24 hours; no past day to compare with."
