"""The template language: values are defanged and visible, drawings carry words and no inline code."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import engines
from django.utils import timezone

from secops.charts import chart
from secops.marks import glyph, severity, six_glyphs, verdict
from secops.wording import ago, amount, clock, defang, duration, initials, refang, shown, thousands

EVIL = '"><script>alert(1)</script>'


def render(text: str, **values: object) -> str:
    return engines["django"].from_string(text).render(values)


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        ("203.0.113.44", "ip", "203.0.113[.]44"),
        ("10.20.3.14", "ip", "10.20.3.14"),
        ("2001:db8::1", "ip", "2001[:]db8::1"),
        ("cdn-metrics.example", "domain", "cdn-metrics[.]example"),
        ("https://t1.bad.example/a.b?c=1", "url", "hxxps://t1.bad[.]example/a.b?c=1"),
        ("billing@supplier.example", "email", "billing[@]supplier[.]example"),
        ("updater.dll", "file_name", "updater.dll"),
    ],
)
def test_an_observable_is_defanged_by_its_kind(value: str, kind: str, wanted: str) -> None:
    assert defang(value, kind) == wanted
    assert defang(wanted, kind) == wanted


def test_free_text_is_defanged_but_file_names_and_prose_stay() -> None:
    text = "updater.exe asked cdn-metrics.example and http://203.0.113.44/x for a.b@mail.example. End."

    assert defang(text) == (
        "updater.exe asked cdn-metrics[.]example and hxxp://203.0.113[.]44/x for a.b[@]mail[.]example. End."
    )


def test_a_login_is_not_taken_for_a_domain() -> None:
    assert defang("m.okafor ran manage.py on host.local") == "m.okafor ran manage.py on host.local"


def test_a_pasted_value_is_refanged() -> None:
    assert refang(" hxxps://cdn-metrics[.]example/a ") == "https://cdn-metrics.example/a"


def test_characters_that_hide_or_turn_text_become_marks() -> None:
    assert shown("invoice\u202efdp.exe") == "invoice⟨U+202E⟩fdp.exe"
    assert shown("a\u200bb\x00") == "a⟨U+200B⟩b⟨U+0000⟩"
    assert shown("José Ångström\n") == "José Ångström\n"


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(45, "45 s"), (660, "11 m"), (3720, "1 h 02"), (187_200, "2 d 4 h"), (86_400, "1 d"), (None, "unknown")],
)
def test_durations_read_as_people_say_them(seconds: float | None, wanted: str) -> None:
    assert duration(seconds) == wanted


def test_moments_are_told_relative_and_absolute() -> None:
    now = timezone.now()

    assert ago(now - timedelta(minutes=19, seconds=5)) == "19 m ago"
    assert ago(now + timedelta(minutes=5, seconds=5)) == "in 5 m"
    assert ago(None) == "never"
    assert clock(datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)) == "3 Feb 04:05:06 UTC"
    assert 'datetime="2020-02-03T04:05:06+00:00"' in render(
        "{% moment at %}", at=datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
    )


def test_sizes_counts_and_names_have_their_short_form() -> None:
    assert [amount(size) for size in (512, 214_000, 48_200_000, 9.4e9, None)] == [
        "512 B",
        "214 kB",
        "48.2 MB",
        "9.4 GB",
        "unknown",
    ]
    assert thousands(1840) == "1\u202f840"
    assert [initials(name) for name in ("Marta Alves", "j.weil", "x", "")] == ["MA", "JW", "X", "?"]


def test_severity_and_verdict_always_carry_their_word() -> None:
    assert "Critical" in severity(4)
    assert "Info" in severity(0, has_word=False)
    assert "#g-warn" in verdict("suspicious")
    assert "Suspicious" in verdict("suspicious")
    assert "Beacon" in verdict("malicious", "Beacon")
    assert "a source failed" in verdict("unknown", is_marked=True)
    assert "Asking" in verdict("")


def test_a_mark_stands_beside_the_verdict_never_instead_of_it() -> None:
    marked = glyph("malicious", is_marked=True)

    assert "#g-bad" in marked
    assert "#g-mark" in marked


def test_six_glyphs_come_in_fixed_order_with_one_sentence() -> None:
    html = six_glyphs(
        {
            "where": {"verdict": "malicious", "state": "done", "is_marked": True},
            "who": {"verdict": "suspicious", "state": "done"},
            "traffic": {"verdict": "", "state": "waiting"},
        }
    )

    assert html.index("#g-warn") < html.index("#g-bad") < html.index("#g-pend") < html.index("#g-na")
    assert "Who: suspicious, Where to: malicious (a source failed), Traffic: asking, Device: nothing to ask" in html
    assert html.count('class="g ') == 6


def test_everything_from_outside_is_escaped() -> None:
    for html in (
        verdict("malicious", EVIL),
        six_glyphs({"who": {"verdict": EVIL}}),
        render("{{ v|defang }}{{ v|shown }}", v=EVIL),
        chart({"kind": "bars", "title": EVIL, "points": [[EVIL, 1], [EVIL, 2]]}),
        chart({"kind": "scan", "title": EVIL, "rows": [EVIL], "columns": [EVIL], "cells": [[EVIL, EVIL]]}),
    ):
        assert "<script>" not in html


BEACON = {
    "kind": "beacon",
    "title": "Time between connections: almost all at 60 s",
    "points": [[f"2026-11-01T10:{minute:02}:00Z", 60 if minute != 7 else 93] for minute in range(30)],
    "expected": 60,
}
BARS = {
    "kind": "bars",
    "title": "Sent",
    "unit": "bytes",
    "points": [["1 day ago", 3e6], ["today", 48e6]],
    "median": 3e6,
}
SPARK = {"kind": "spark", "title": "Per day", "points": [["1 Nov", 1], ["2 Nov", 4]]}
SCAN = {
    "kind": "scan",
    "title": "Tried",
    "rows": ["22", "445"],
    "columns": ["a", "b"],
    "cells": [["445", "b"]],
}


@pytest.mark.parametrize("series", [BEACON, BARS, SPARK, SCAN], ids=lambda series: series["kind"])
def test_a_chart_has_a_sentence_and_no_inline_style_or_script(series: dict[str, object]) -> None:
    html = chart(series)

    assert html.startswith('<svg class="ch"')
    assert f'aria-label="{series["title"]}"' in html
    assert "style=" not in html
    assert "<script" not in html


def test_a_connection_off_the_rhythm_stands_out() -> None:
    html = chart(BEACON)

    assert html.count('class="f-a"') == 29
    assert html.count('class="f-high"') == 1


def test_the_last_bar_is_marked_and_the_unit_is_said() -> None:
    html = chart(BARS)

    assert html.count('class="f-high"') == 1
    assert "48.0 MB" in html
    assert "Median 3.0 MB" in html


@pytest.mark.parametrize(
    "series",
    [None, {}, {"kind": "pie"}, {"kind": "bars", "points": []}, {"kind": "beacon", "points": [["x", "y"]]}],
)
def test_an_odd_series_costs_the_drawing_not_the_page(series: dict[str, object] | None) -> None:
    assert chart(series) == ""
