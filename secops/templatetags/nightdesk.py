"""The template language of the pages, known to every template without loading."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.template import Library
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from secops import charts, graphs, marks, trends, wording

register = Library()

register.filter("shown", wording.shown)
register.filter("defang", wording.defang)
register.filter("ago", wording.ago)
register.filter("duration", wording.duration)
register.filter("bytes", wording.amount)
register.filter("clock", wording.clock)
register.filter("thousands", wording.thousands)
register.filter("initials", wording.initials)
register.filter("stamp", wording.stamp)
register.filter("graph", graphs.graph)
register.filter("node_name", graphs.name_of)
register.filter("trend", trends.drawn)


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    return marks.icon(name, classes)


@register.simple_tag
def qr(text: str, label: str) -> SafeString:
    return marks.qr(text, label)


@register.simple_tag
def glyph(said: str, mark: bool = False) -> SafeString:
    return marks.glyph(str(said), is_marked=mark)


@register.simple_tag
def sev(number: int, word: bool = True) -> SafeString:
    return marks.severity(number, has_word=word)


@register.simple_tag
def verdict(said: str, label: str = "", mark: bool = False, word: bool = True) -> SafeString:
    return marks.verdict(str(said or ""), label, is_marked=mark, has_word=word)


@register.filter
def six_glyphs(cards: Mapping[str, Any] | None) -> SafeString:
    return marks.six_glyphs(cards)


@register.filter
def chart(series: dict[str, Any] | None) -> SafeString:
    return charts.chart(series)


@register.simple_tag
def moment(at: datetime | None, style: str = "both") -> SafeString | str:
    """A `<time>`: relative and absolute once together, or only one of them (`ago`, `clock`)."""
    if at is None:
        return "unknown"
    at = at.astimezone(timezone.get_default_timezone())
    texts = {"ago": wording.ago(at), "clock": wording.clock(at)}
    text = texts.get(style, f"{texts['ago']} · {texts['clock']}")
    return format_html(
        '<time datetime="{}" title="{} {} UTC">{}</time>',
        at.isoformat(),
        f"{at.day} {at:%b %Y}",
        f"{at:%H:%M:%S}",
        text,
    )
