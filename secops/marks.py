"""The small drawings of the pages: icons, severities, verdicts; always a shape with a word."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

import segno
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from secops.wording import initials, shown

SEVERITIES = ("info", "low", "med", "high", "crit")  # by number, 0 to 4
SEVERITY_WORDS = ("Info", "Low", "Medium", "High", "Critical")
GLYPHS = {  # what is said: the silhouette that says it
    "malicious": "bad",
    "suspicious": "warn",
    "benign": "good",
    "informational": "inf",
    "unknown": "unk",
    "nothing": "na",
    "asking": "pend",
    "failed": "fail",
}
WORDS = {
    "malicious": "Malicious",
    "suspicious": "Suspicious",
    "benign": "Benign",
    "informational": "Informational",
    "unknown": "Unknown",
    "nothing": "Nothing to ask",
    "asking": "Asking",
    "failed": "Source failed",
}
STAGE_CLASSES = {"new": "line", "response": "run", "contained": "ok", "closed": "done"}
MARKED = "a source failed"
QUIET = 4  # modules around a QR code (ISO/IEC 18004)
CARDS = (
    ("who", "Who"),
    ("where", "Where to"),
    ("traffic", "Traffic"),
    ("device", "Device"),
    ("changes", "Changes"),
    ("files", "Files"),
)


@cache
def sprite() -> str:
    """The address of the one drawing file; it changes with its content, so a process looks it up once."""
    return static("icons.svg")


def icon(name: str, classes: str = "") -> SafeString:
    """An icon that is not read aloud: a word always stands beside it."""
    return format_html('<svg class="i {}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, sprite(), name)


def glyph(said: str, *, is_marked: bool = False) -> SafeString:
    """The silhouette of a verdict, of a card's state, or of a severity (crit, high, med, low, info)."""
    shape = GLYPHS.get(said, said)
    mark = format_html('<use href="{}#g-mark"/>', sprite()) if is_marked else ""
    return format_html(
        '<svg class="g {}" viewBox="0 0 16 16" aria-hidden="true"><use href="{}#g-{}"/>{}</svg>',
        shape,
        sprite(),
        shape,
        mark,
    )


@lru_cache(maxsize=64)
def severity(number: int, *, has_word: bool = True) -> SafeString:
    """Shape, colour and word; without `has_word` the word is only read aloud."""
    name = SEVERITIES[number]
    return format_html(
        '<span class="sev {}">{}<span{}>{}</span></span>',
        name,
        glyph(name),
        "" if has_word else format_html(' class="{}"', "vh"),
        SEVERITY_WORDS[number],
    )


def verdict(said: str, label: str = "", *, is_marked: bool = False, has_word: bool = True) -> SafeString:
    """A verdict with its word, or with the card's own `label` for it."""
    said = said or "asking"
    word = label or WORDS.get(said, said)
    return format_html(
        '<span class="v {}">{}<span{}>{}</span>{}</span>',
        GLYPHS.get(said, said),
        glyph(said, is_marked=is_marked),
        "" if has_word else format_html(' class="{}"', "vh"),
        word,
        format_html('<span class="vh">, {}</span>', MARKED) if is_marked else "",
    )


@lru_cache(maxsize=64)
def stage(value: str) -> SafeString:
    """The chip of a case's stage."""
    return format_html(
        '<span class="chip st {}">{}{}</span>',
        STAGE_CLASSES.get(value, ""),
        icon("check") if value == "closed" else "",
        value.capitalize(),
    )


@lru_cache(maxsize=1_024)
def avatar(name: str, *, is_me: bool = False) -> SafeString:
    """A person's initials with the name for those who do not see them; an empty name is nobody."""
    if not name:
        return format_html(
            '<span class="avatar none" aria-hidden="true" title="{}"></span><span class="vh">{}</span>',
            *("Unassigned",) * 2,
        )
    return format_html(
        '<span class="avatar{}" aria-hidden="true" title="{}">{}</span><span class="vh">{}</span>',
        " me" if is_me else "",
        shown(name),
        initials(name),
        shown(name),
    )


def qr(text: str, label: str) -> SafeString:
    """A QR code with its quiet zone of four modules, always dark on light; `label` is read aloud instead."""
    rows = segno.make(text, error="m", micro=False).matrix
    size = len(rows) + 2 * QUIET
    dark = ((x + QUIET, y + QUIET) for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    path = "".join(f"M{x} {y}h1v1h-1z" for x, y in dark)
    return format_html(
        '<svg class="qr" viewBox="0 0 {} {}" role="img" aria-label="{}" shape-rendering="crispEdges">'
        '<path fill="currentColor" d="{}"/></svg>',
        size,
        size,
        label,
        path,
    )


def six_glyphs(cards: Mapping[str, Any] | None) -> SafeString:
    """The six answers of a case in their fixed order, with one sentence for those who do not see them.

    `cards` maps a card to {"verdict", "is_marked", "state"}; a card that is missing has nothing to ask.
    """
    cells = []
    for card, _ in CARDS:
        state = (cards or {}).get(card) or {}
        said = state.get("verdict") or ("asking" if state.get("state") in {"waiting", "partly"} else "nothing")
        cells.append((said, bool(state.get("is_marked"))))
    return _six(tuple(cells))


@lru_cache(maxsize=4_096)
def _six(cells: tuple[tuple[str, bool], ...]) -> SafeString:
    words = ", ".join(
        f"{name}: {WORDS.get(said, said).lower()}{f' ({MARKED})' if is_marked else ''}"
        for (_, name), (said, is_marked) in zip(CARDS, cells, strict=True)
    )
    drawings = format_html_join("", "{}", ((glyph(said, is_marked=marked),) for said, marked in cells))
    return format_html('<span class="facts" role="img" aria-label="{}" title="{}">{}</span>', words, words, drawings)
