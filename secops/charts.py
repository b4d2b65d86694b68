"""Charts drawn on the server: geometry in attributes, colour in classes, the same said in one sentence."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from secops.wording import amount, defang, duration, thousands

WIDTH, HEIGHT = 420, 112  # of the drawing; the page scales it
LEFT, FLOOR, TOP = 44, 84, 8  # where the plot begins, ends below, ends above
MAX_POINTS = 400
MAX_CELLS = 40  # rows or columns of the scan grid
ON_TIME = 0.1  # share of the expected pause within which a connection counts as on time

Series = dict[str, Any]
Point = tuple[float, float]


def chart(series: Series | None) -> SafeString:
    """The drawing of a finding's series; nothing for an unknown or unreadable one."""
    drawing = DRAWINGS.get(str((series or {}).get("kind")))
    if series is None or drawing is None:
        return SafeString("")
    try:
        return drawing(series)
    except (ArithmeticError, KeyError, TypeError, ValueError, IndexError):
        return SafeString("")  # a source's odd numbers never cost the reader the page


def beacon(series: Series) -> SafeString:
    """Time between connections as dots; those off the rhythm stand out."""
    points = [(_seconds_of(at), float(pause)) for at, pause, *_ in _cut(series["points"])]
    expected = float(series.get("expected") or 0) or _median([pause for _, pause in points])
    top = 2 * expected or 1.0
    first, last = points[0][0], points[-1][0]
    body = [_line_at(share * top, top, duration(share * top)) for share in (0, 0.5, 1)]
    half = expected * ON_TIME
    body.append(
        format_html(
            '<rect class="area-a" x="{}" y="{}" width="{}" height="{}"/>',
            LEFT,
            _y(expected + half, top),
            WIDTH - LEFT,
            _num((FLOOR - TOP) * 2 * half / top),
        )
    )
    body += [
        format_html(
            '<circle class="f-{}" cx="{}" cy="{}" r="1.75"/>',
            "a" if abs(pause - expected) <= half else "high",
            _x(at, first, last),
            _y(min(pause, top), top),
        )
        for at, pause in points
    ]
    return _svg(series, [*body, *_times(first, last)])


def bars(series: Series) -> SafeString:
    """One bar per point, the last one marked; a third number hangs below the axis; the median is a line."""
    points = _cut(series["points"])
    ups = [float(point[1]) for point in points]
    downs = [float(point[2]) if len(point) > 2 else 0.0 for point in points]
    top = max([*ups, *downs, 1e-9])
    has_downs = any(downs)
    axis = FLOOR - 26 if has_downs else FLOOR
    step = (WIDTH - LEFT) / len(points)
    body = [_grid(TOP, _said(top, series)), _grid(axis, "0")]
    for index, (up, down) in enumerate(zip(ups, downs, strict=True)):
        is_last = index == len(points) - 1
        x, width = LEFT + index * step + 1, max(step - 3, 1)
        height = up / top * (axis - TOP)
        body.append(_bar("high" if is_last else "a", x, axis - height, width, height))
        if down:
            body.append(_bar("b", x, axis + 1, width, down / top * 24))
    body += _median_line(series, top, axis)
    return _svg(series, [*body, *_bar_labels(points, step)])


def spark(series: Series) -> SafeString:
    """A plain line over time with today at its right end."""
    values = [float(point[1]) for point in _cut(series["points"])]
    top = max([*values, 1e-9])
    step = (WIDTH - LEFT - 8) / max(len(values) - 1, 1)
    path = " L".join(f"{_num(LEFT + i * step)} {_y(value, top)}" for i, value in enumerate(values))
    end = LEFT + (len(values) - 1) * step
    labels = [str(series["points"][0][0])[:16], str(series["points"][-1][0])[:16]]
    return _svg(
        series,
        [
            _line_at(0, top, "0"),
            _line_at(top, top, _said(top, series)),
            format_html('<path class="area-a" d="M{} L{} {} L{} {}Z"/>', path, _num(end), FLOOR, LEFT, FLOOR),
            format_html('<path class="ln l-a" d="M{}"/>', path),
            format_html('<circle class="f-high" cx="{}" cy="{}" r="3"/>', _num(end), _y(values[-1], top)),
            format_html('<text x="{}" y="{}">{}</text>', LEFT, HEIGHT - 8, labels[0]),
            format_html('<text x="{}" y="{}" text-anchor="end">{}</text>', WIDTH, HEIGHT - 8, labels[1]),
        ],
    )


def scan(series: Series) -> SafeString:
    """Ports down, hosts across: a filled cell was tried."""
    rows = [str(row) for row in series["rows"]][:MAX_CELLS]
    columns = [str(column) for column in series["columns"]][:MAX_CELLS]
    tried = {(str(row), str(column)) for row, column in series["cells"]}
    high, wide = (FLOOR - TOP) / len(rows), (WIDTH - LEFT) / len(columns)
    body: list[SafeString] = []
    for down, row in enumerate(rows):
        if high >= 9 or down in {0, len(rows) - 1}:
            body.append(format_html('<text x="0" y="{}">{}</text>', _num(TOP + down * high + 9), row))
        body += [
            _bar(
                "high" if (row, column) in tried else "mute",
                LEFT + across * wide,
                TOP + down * high,
                max(wide - 1, 1),
                max(high - 1, 1),
            )
            for across, column in enumerate(columns)
        ]
    ends = format_html(
        '<text x="{}" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>',
        LEFT,
        HEIGHT - 8,
        defang(columns[0]),
        WIDTH,
        HEIGHT - 8,
        defang(columns[-1]),
    )
    return _svg(series, [*body, ends])


DRAWINGS: dict[str, Callable[[Series], SafeString]] = {
    "beacon": beacon,
    "bars": bars,
    "spark": spark,
    "scan": scan,
}


def _svg(series: Series, parts: Sequence[SafeString]) -> SafeString:
    return format_html(
        '<svg class="ch" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        WIDTH,
        HEIGHT,
        defang(series.get("title") or "Chart"),
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def _cut(points: Sequence[Any]) -> Sequence[Any]:
    every = -(-len(points) // MAX_POINTS)
    return points if every <= 1 else points[::every]


def _said(value: float, series: Series) -> str:
    unit = series.get("unit")
    if unit == "bytes":
        return amount(value)
    return duration(value) if unit == "seconds" else thousands(round(value))


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _num(value: float) -> str:
    return f"{value:.1f}"


def _x(at: float, first: float, last: float) -> str:
    return _num(LEFT + 2 + (at - first) / ((last - first) or 1) * (WIDTH - LEFT - 6))


def _y(value: float, top: float) -> str:
    return _num(FLOOR - max(value, 0) / (top or 1) * (FLOOR - TOP))


def _grid(y: float, label: str) -> SafeString:
    return format_html(
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="0" y="{}">{}</text>',
        LEFT,
        WIDTH,
        _num(y),
        _num(y),
        _num(y + 3.5),
        label,
    )


def _line_at(value: float, top: float, label: str) -> SafeString:
    return _grid(float(_y(value, top)), label)


def _bar(colour: str, x: float, y: float, width: float, height: float) -> SafeString:
    return format_html(
        '<rect class="f-{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>',
        colour,
        _num(x),
        _num(y),
        _num(width),
        _num(max(height, 0.6)),
    )


def _median_line(series: Series, top: float, axis: float) -> list[SafeString]:
    if (median := series.get("median")) is None or not 0 < float(median) <= top:
        return []
    y = _num(axis - float(median) / top * (axis - TOP))
    line = '<line class="ln l-high dash" x1="{}" x2="{}" y1="{}" y2="{}"><title>Median {}</title></line>'
    return [format_html(line, LEFT, WIDTH, y, y, _said(float(median), series))]


def _bar_labels(points: Sequence[Any], step: float) -> list[SafeString]:
    every = max(1, -(-len(points) // 7))
    label = '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>'
    last = len(points) - 1
    return [
        format_html(
            label,
            "b" if index == last else "opt",
            WIDTH if index == last else _num(LEFT + (index + 0.5) * step),
            HEIGHT - 8,
            "end" if index == last else "middle",
            str(points[index][0])[:16],
        )
        for index in range(len(points))
        if index == last or (index % every == 0 and last - index >= every)
    ]


def _seconds_of(at: str | datetime) -> float:
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _times(first: float, last: float) -> list[SafeString]:
    text = '<text x="{}" y="{}" text-anchor="middle">{}</text>'
    span = (last - first) or 1
    moments = (first + span * share for share in (0.06, 0.24, 0.42, 0.6, 0.78, 0.95))
    return [
        format_html(text, _x(at, first, last), HEIGHT - 8, f"{datetime.fromtimestamp(at, UTC):%H:%M}") for at in moments
    ]
