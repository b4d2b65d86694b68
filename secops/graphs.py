"""A layered graph drawn on the server: columns from left to right, geometry in attributes, colour in classes.

Colours for paper stand in attributes too, where a stylesheet does not reach; on a page the classes win.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from secops.wording import defang

Row = dict[str, Any]
BOX, HIGH, GAP, STEP = 196, 44, 16, 280  # of a node: width, height, space below, from column to column
EDGE = 12  # free space around the drawing
MOST = 26  # characters of a name
HASH = 10  # characters of each end of a hash
OBSERVABLE = {"ip address": "ip", "ip": "ip", "domain": "domain", "url": "url"}


def graph(value: Row | None) -> SafeString:
    """The drawing; nothing for a graph without nodes."""
    nodes = (value or {}).get("nodes") or []
    if value is None or not nodes:
        return SafeString("")
    places, height = _places(nodes, value["edges"])
    width = EDGE * 2 + (max(x for x, _ in places.values()) - EDGE) + BOX
    lines = format_html_join("", "{}", ((_line(one, places),) for one in value["edges"]))
    boxes = format_html_join("", "{}", ((_box(one, *places[one["id"]]),) for one in nodes))
    said = f"Graph of {len(nodes)} nodes and {len(value['edges'])} edges; the table below says the same."
    return format_html(
        '<svg class="gr" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>', width, height, said, lines, boxes
    )


def name_of(node: Row) -> str:
    """As it is shown: defanged by what it is."""
    return defang(node["name"], OBSERVABLE.get(str(node["note"]), "") if node["kind"] == "target" else "")


def _places(nodes: Sequence[Row], edges: Sequence[Row]) -> tuple[dict[str, tuple[int, int]], int]:
    """Empty columns are left out; in each the order follows the neighbours on the left, the whole is centred."""
    used = sorted({one["column"] for one in nodes})
    columns = [[one["id"] for one in nodes if one["column"] == column] for column in used]
    for left, right in pairwise(columns):
        rank = {pk: index for index, pk in enumerate(left)}
        right.sort(key=lambda pk: _mean(pk, rank, edges))
    tallest = max(len(column) for column in columns)
    height = EDGE * 2 + tallest * (HIGH + GAP) - GAP
    places = {}
    for index, column in enumerate(columns):
        top = EDGE + (tallest - len(column)) * (HIGH + GAP) // 2
        for row, pk in enumerate(column):
            places[pk] = (EDGE + index * STEP, top + row * (HIGH + GAP))
    return places, height


def _mean(pk: str, rank: dict[str, int], edges: Sequence[Row]) -> float:
    """Where its neighbours of the column before stand; without any last."""
    found = [rank[one["from"]] for one in edges if one["to"] == pk and one["from"] in rank]
    found += [rank[one["to"]] for one in edges if one["from"] == pk and one["to"] in rank]
    return sum(found) / len(found) if found else len(rank)


def _line(edge: Row, places: dict[str, tuple[int, int]]) -> SafeString:
    (left, above), (right, below) = sorted([places[edge["from"]], places[edge["to"]]])
    x1, y1, x2, y2 = left + BOX, above + HIGH // 2, right, below + HIGH // 2
    if left == right:
        x1, x2 = left + BOX // 2, right + BOX // 2
    path = f"M{x1} {y1} C{x1 + 28} {y1} {x2 - 28} {y2} {x2} {y2}"
    return format_html(
        '<path class="ge" fill="none" stroke="#8592a1" stroke-width="1.25" d="{}"><title>{}</title></path>'
        '<text class="gv" x="{}" y="{}" font-size="10.5" fill="#454f5c" text-anchor="middle">{}</text>',
        path,
        defang(f"{edge['from_name']} {edge['verb']} {edge['to_name']}"),
        (x1 + x2) // 2,
        (y1 + y2) // 2 - 3,
        _verb(edge["verb"]),
    )


STROKES = {"malicious": "#a50e3c", "suspicious": "#994200", "isolated": "#2450c4", "open": "#a50e3c"}


def _box(node: Row, x: int, y: int) -> SafeString:
    name = name_of(node)
    return format_html(
        '<g class="gn {}"><title>{}</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="6" fill="#fff" stroke="{}" stroke-width="1.5"{}/>'
        '<text class="gt" x="{}" y="{}" font-size="12" fill="#161a20">{}</text>'
        '<text class="gs" x="{}" y="{}" font-size="10.5" fill="#454f5c">{}</text></g>',
        node["tone"] or "plain",
        f"{node['kind']}: {name}",
        *(x, y, BOX, HIGH),
        STROKES.get(node["tone"], "#7f8a97"),
        format_html(' stroke-dasharray="{}"', "5 3") if node["tone"] == "open" else "",
        *(x + 10, y + 18, _short(name)),
        *(x + 10, y + 34, _short(_note(node))),
    )


def _note(node: Row) -> str:
    """The kind, then one fact, then the verdict in words: colour never says it alone."""
    said = [node["kind"], node["note"], node["tone"] if node["tone"] in ("malicious", "suspicious") else ""]
    return defang(", ".join(dict.fromkeys(one for one in said if one)))


def _short(text: str) -> str:
    """Both ends of a hash; of a path the end, which says more than its beginning."""
    if len(text) <= MOST:
        return text
    if text.isalnum():
        return f"{text[:HASH]}…{text[-HASH:]}"
    return f"…{text[1 - MOST :]}" if "\\" in text or "/" in text else f"{text[: MOST - 1]}…"


def _verb(said: str) -> str:
    """The first verb; the table has the others."""
    first, comma, _ = said.partition(",")
    return f"{first[:14]}{'…' if comma else ''}"
