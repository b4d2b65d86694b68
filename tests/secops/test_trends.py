"""Charts over days and hours: nothing without data, scales that people read, and foreign words as words."""

import re
from datetime import date, timedelta

import pytest

from secops.trends import drawn

DAYS = [date(2026, 11, 1) + timedelta(days=number) for number in range(4)]


def trend(low: list[float | None], high: list[float | None]) -> str:
    series = {"kind": "trend", "title": "T", "days": DAYS, "low": low, "high": high, "whole": (60.0, 90.0)}
    return str(drawn(series))


@pytest.mark.parametrize("series", [None, {}, {"kind": "nothing"}, {"kind": "line", "values": [None, None]}])
def test_nothing_is_drawn_of_nothing(series: dict[str, object] | None) -> None:
    assert drawn(series) == ""


def test_a_day_without_a_value_is_bridged_and_gets_no_dot() -> None:
    svg = trend([60, None, 120, 60], [60, None, 900, 60])

    assert svg.count("<circle") == 6
    assert "3 Nov: median 2 m, p90 15 m" in svg
    assert "2 Nov:" not in svg
    assert re.findall(r'text-anchor="end">([^<]+)</text>', svg)[:4] == ["0 s", "5 m", "10 m", "15 m"]
    assert "p90 1 m" in svg
    assert trend([None] * 4, [None] * 4) == ""


def test_one_day_alone_is_a_dot_without_a_line() -> None:
    svg = trend([None, 0, None, None], [None, 0, None, None])

    assert svg.count("<circle") == 2
    assert "<path" not in svg


def test_parts_stand_on_each_other_and_end_at_the_scale() -> None:
    layers = [[10, 0, 0, 0], [0, 0, 0, 0], [10, 0, 0, 0], [0, 0, 0, 0], [0, 5, 0, 0]]
    svg = str(drawn({"kind": "stacked", "title": "A", "days": DAYS, "layers": layers}))

    bars = re.findall(r'class="f-(\w+)" x="[\d.]+" y="([\d.]+)"', svg)
    # 20 alerts fill the height from 188 to 14; half of it is 101
    assert bars == [("info", "101.0"), ("med", "14.0"), ("crit", "144.5")]
    assert "2 Nov: 5, 5 crit" in svg


def test_heat_has_a_step_for_each_quarter_and_none_for_nothing() -> None:
    rows = [["<b>", 0, 1, 4, 5, 8, *[0] * 19]]
    svg = str(drawn({"kind": "heat", "title": "H", "rows": rows}))

    assert re.findall(r'class="h(\d)"', svg)[:5] == ["0", "1", "2", "3", "4"]
    assert "&lt;b&gt; 04:00: 8" in svg
    assert "<b>" not in svg
