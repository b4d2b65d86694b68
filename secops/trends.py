"""Charts over days and hours: lines with a band, stacked bars, a heat map. Geometry in attributes, colour in classes.

Every chart says its title for a screen reader; the table beside it says the same in numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from math import ceil, log10
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from secops.wording import DAY, HOUR, MINUTE, duration, thousands

Series = dict[str, Any]
Point = tuple[float, float]
SPARK_WIDTH, SPARK_HEIGHT = 120, 28
WIDTH, NARROW, HEIGHT = 640, 440, 216  # of a chart with and without names at its lines; the page scales it
LEFT, RIGHT, TOP, FLOOR = 44, 104, 14, 188  # the plot's edges; on the right the lines are named
HEAT_LEFT, CELL_WIDTH, CELL_HEIGHT = 34, 16.4, 19
LEVELS = 4  # of heat above none
DATES_SHOWN = 5
STEPS = (1, 5, 10, 15, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY)
LAYERS = ("info", "low", "med", "high", "crit")  # from the bottom up


def drawn(series: Series | None) -> SafeString:
    """The drawing; nothing for nothing."""
    drawing = DRAWINGS.get(str((series or {}).get("kind")))
    return SafeString("") if series is None or drawing is None else drawing(series)


def line(series: Series) -> SafeString:
    """A small line without axes beside a number that says it; days without a value are bridged."""
    known = [(index, value) for index, value in enumerate(series["values"]) if value is not None]
    if not known:
        return SafeString("")
    colour = "b" if series.get("colour") == "b" else "a"
    step = (SPARK_WIDTH - 4) / max(len(series["values"]) - 1, 1)
    top = max(value for _, value in known) or 1.0
    points = [(1 + index * step, SPARK_HEIGHT - 3 - value / top * (SPARK_HEIGHT - 6)) for index, value in known]
    if len(points) == 1:
        points.append((points[0][0] + 2, points[0][1]))
    return format_html(
        '<svg class="ch spark" viewBox="0 0 {} {}" preserveAspectRatio="none" height="{}" aria-hidden="true">'
        '<path class="area-{}" d="{} L{} {} L{} {}Z"/>'
        '<path class="ln l-{}" d="{}" vector-effect="non-scaling-stroke"/></svg>',
        *(SPARK_WIDTH, SPARK_HEIGHT, SPARK_HEIGHT),
        *(colour, _path(points), _num(points[-1][0]), SPARK_HEIGHT, _num(points[0][0]), SPARK_HEIGHT),
        *(colour, _path(points)),
    )


def trend(series: Series) -> SafeString:
    """The median as a line, p90 dashed, the band between; both named at their right end. Values are seconds."""
    days, lows, highs = series["days"], series["low"], series["high"]
    known = [index for index, value in enumerate(lows) if value is not None]
    if not known:
        return SafeString("")
    top, step = _time_scale(max(highs[index] for index in known))
    wide = (WIDTH - LEFT - RIGHT) / max(len(days) - 1, 1)
    low, high = ([(LEFT + index * wide, _y(values[index], top)) for index in known] for values in (lows, highs))
    body = [_grid(value, top, duration(value), WIDTH - RIGHT) for value in _ticks(top, step)]
    if len(known) > 1:
        band = f"{_path(high)} {_path(reversed(low), 'L')}Z"
        body.append(format_html('<path class="area-a" d="{}"/>', band))
        body.append(format_html('<path class="ln l-a dash" d="{}"/>', _path(high)))
        body.append(format_html('<path class="ln l-a" d="{}"/>', _path(low)))
    for index, (x, y), (_, slow) in zip(known, low, high, strict=True):
        said = f"{_day(days[index])}: median {duration(lows[index])}, p90 {duration(highs[index])}"
        body.append(_dot(x, slow, said, 1.75))
        body.append(_dot(x, y, said, 2.5))
    ends = sorted([(high[-1][1], "p90", series["whole"][1]), (low[-1][1], "median", series["whole"][0])])
    above = ends[0][0]
    for number, (y, name, whole) in enumerate(ends):
        place = max(y, above + 13) if number else y
        label = f"{name} {duration(whole)}"
        body.append(format_html('<text class="b" x="{}" y="{}">{}</text>', WIDTH - RIGHT + 8, _num(place + 3.5), label))
    return _svg(series, [*body, *_dates(days, lambda index: LEFT + index * wide)], WIDTH, HEIGHT)


def stacked(series: Series) -> SafeString:
    """A bar for each day, the least severe at the bottom, with a gap between the parts."""
    days, layers = series["days"], series["layers"]
    totals = [sum(layer[index] for layer in layers) for index in range(len(days))]
    top, step = _count_scale(max(totals))
    wide = (NARROW - LEFT) / len(days)
    body = [_grid(value, top, thousands(int(value)), NARROW) for value in _ticks(top, step)]
    for index, day in enumerate(days):
        below = float(FLOOR)
        said = f"{_day(day)}: {thousands(totals[index])}"
        for colour, layer in zip(LAYERS, layers, strict=True):
            if not layer[index]:
                continue
            high = layer[index] / top * (FLOOR - TOP)
            body.append(
                format_html(
                    '<rect class="f-{}" x="{}" y="{}" width="{}" height="{}" rx="1"><title>{}</title></rect>',
                    colour,
                    *(_num(LEFT + index * wide + 1), _num(below - high), _num(max(wide - 3, 1))),
                    _num(max(high - 1, 0.6)),
                    f"{said}, {layer[index]} {colour}",
                )
            )
            below -= high
    return _svg(series, [*body, *_dates(days, lambda index: LEFT + (index + 0.5) * wide)], NARROW, HEIGHT)


def heat(series: Series) -> SafeString:
    """A cell for each weekday and hour; the fuller, the stronger, in steps of a quarter of the fullest."""
    rows = series["rows"]
    most = max(number for _, *numbers in rows for number in numbers) or 1
    body: list[SafeString] = []
    for down, (name, *numbers) in enumerate(rows):
        y = 10 + down * CELL_HEIGHT
        body.append(format_html('<text x="0" y="{}">{}</text>', y + 12, name))
        body += [
            format_html(
                '<rect class="h{}" x="{}" y="{}" width="15" height="16" rx="2.5"><title>{}</title></rect>',
                ceil(number / most * LEVELS),
                _num(HEAT_LEFT + hour * CELL_WIDTH),
                y,
                f"{name} {hour:02}:00: {thousands(number)}",
            )
            for hour, number in enumerate(numbers)
        ]
    foot = 10 + len(rows) * CELL_HEIGHT + 10
    body += [
        format_html('<text x="{}" y="{}">{}</text>', _num(HEAT_LEFT + hour * CELL_WIDTH), foot, f"{hour:02}")
        for hour in range(0, 24, 4)
    ]
    return _svg(series, body, round(HEAT_LEFT + 24 * CELL_WIDTH), foot + 5)


DRAWINGS: dict[str, Callable[[Series], SafeString]] = {"line": line, "trend": trend, "stacked": stacked, "heat": heat}


def _svg(series: Series, parts: Iterable[SafeString], width: int, height: int) -> SafeString:
    inside = format_html_join("", "{}", ((part,) for part in parts))
    text = '<svg class="ch" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    return format_html(text, width, height, series["title"], inside)


def _path(points: Iterable[Point], begin: str = "M") -> str:
    return begin + " L".join(f"{_num(x)} {_num(y)}" for x, y in points)


def _dot(x: float, y: float, said: str, radius: float) -> SafeString:
    text = '<circle class="f-a" cx="{}" cy="{}" r="{}"><title>{}</title></circle>'
    return format_html(text, _num(x), _num(y), radius, said)


def _grid(value: float, top: float, label: str, right: int) -> SafeString:
    y = _y(value, top)
    return format_html(
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        *(LEFT, right, _num(y), _num(y), LEFT - 6, _num(y + 3.5), label),
    )


def _dates(days: Sequence[date], x_of: Callable[[int], float]) -> list[SafeString]:
    last = len(days) - 1
    shown = sorted({round(last * number / (DATES_SHOWN - 1)) for number in range(DATES_SHOWN)})
    text = '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>'
    return [
        format_html(
            text,
            "" if index in (0, last) else "opt",
            _num(x_of(index)),
            HEIGHT - 8,
            "start" if index == 0 else "end" if index == last else "middle",
            _day(days[index]),
        )
        for index in shown
    ]


def _time_scale(most: float) -> tuple[float, float]:
    """The upper end and the distance of the lines, in seconds that people count in."""
    step = next((one for one in STEPS if one * 4 >= most), ceil(most / 4 / DAY) * DAY)
    return step * max(ceil(most / step), 1), step


def _count_scale(most: int) -> tuple[float, float]:
    ten = 10 ** int(log10(max(most, 1)))
    step = next(one for one in (ten / 4, ten / 2, ten, ten * 2.5) if one * 4 >= most)
    step = max(ceil(step), 1)
    return step * max(ceil(most / step), 1), step


def _ticks(top: float, step: float) -> list[float]:
    return [step * number for number in range(round(top / step) + 1)]


def _y(value: float, top: float) -> float:
    return FLOOR - value / top * (FLOOR - TOP)


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _num(value: float) -> str:
    return f"{value:.1f}"
