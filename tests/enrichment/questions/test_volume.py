"""The last day against the device's own days, drawn, and honest about how far the logs reach."""

from cases.choices import Verdict
from enrichment.questions.volume import Volume
from secops.charts import chart
from secops.connectors.capabilities.traffic import DayVolume, Window
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points

WINDOW = Window(start=AT, end=AT)


def days(*sent: int, received: int = 1_000) -> list[DayVolume]:
    """Megabytes sent, the last day first; 0 is a day without traffic."""
    return [
        DayVolume(
            days_ago=number,
            bytes_out=count * 1_000_000,
            bytes_in=received * 1_000_000 if count else 0,
            connections=9 if count else 0,
            peers=3,
        )
        for number, count in enumerate(sent)
    ]


def test_far_more_than_its_own_days_is_unusual() -> None:
    judgement = ask(Volume, about(), volumes=days(1500, 100, 90, 110, 100, 95, 105, 100), flow_window=WINDOW)

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Unusual volume")
    assert judgement.data["sent_ratio"] == 15
    assert points(judgement) > 0
    assert [point[0] for point in judgement.series["points"]][-2:] == ["-1 d", "last 24 h"]
    assert "<rect" in str(chart(judgement.series))


def test_a_busy_device_that_is_always_busy_is_usual() -> None:
    judgement = ask(Volume, about(), volumes=days(1500, 1400, 1600, 1500, 1450, 1550, 1500, 1500), flow_window=WINDOW)

    assert (judgement.verdict, judgement.label, points(judgement)) == (Verdict.INFORMATIONAL, "Usual volume", -3)


def test_too_short_a_past_is_not_called_usual() -> None:
    judgement = ask(Volume, about(), volumes=days(1500, 100, 0, 0, 0, 0, 0, 0), flow_window=WINDOW)

    assert (judgement.verdict, judgement.label, points(judgement)) == (Verdict.INFORMATIONAL, "", 0)
    assert fact(judgement, "Covered") == "the logs begin 10 Mar 14:12 UTC"


def test_days_off_do_not_lower_the_median() -> None:
    judgement = ask(Volume, about(), volumes=days(100, 0, 0, 100, 100, 100, 0, 0), flow_window=WINDOW)

    assert judgement.data["sent_median"] == 100_000_000
    assert judgement.data["is_unusual"] is False


def test_no_traffic_at_all_is_no_answer() -> None:
    assert Volume().ask(Says(volumes=days(0, 0, 0)), about()) is None
