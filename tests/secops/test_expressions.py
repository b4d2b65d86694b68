"""Hostile data and clumsy authors meet the expressions."""

import time
from typing import Any

import pytest

from secops.expressions import ExpressionError, evaluate, fill, holds, scope

HITS = [{"device": f"pc-{i}", "n": i} for i in range(900)]
SCOPE = scope(
    alert={"kind": "network.connection", "severity": 4, "tags": ["c2"], "text": "a" * 64_000, "big": 2**70},
    case={"covert": False, "devices": [{"id": i, "criticality": i % 5} for i in range(20)]},
    steps={"find": {"hits": HITS}},
)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("alert.kind == 'network.connection' && alert.severity >= 3 && 'c2' in alert.tags", True),
        ("steps.find.hits.filter(h, h.n > 897).map(h, h.device)", ["pc-898", "pc-899"]),
        ("case.devices.exists(d, d.criticality >= 4) && !case.covert", True),
        ("has(alert.user) ? alert.user : 'nobody'", "nobody"),
        ("alert.kind.matches('^net.+')", True),
        ("alert.severity > 3.5", True),
        ("alert.big", str(2**70)),
    ],
)
def test_what_runbooks_say(source: str, answer: Any) -> None:
    assert evaluate(source, SCOPE) == answer


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("alert.text + alert.text", '"\\+" is not allowed'),
        ("r'\\' + alert.kind + ''", '"\\+" is not allowed'),
        ('"a\\"" + alert.kind', '"\\+" is not allowed'),
        ("steps.find.hits.map(a, steps.find.hits.map(b, b))", "Iteration budget exceeded"),
        ("steps.find.hits.map(a, steps.find.hits)", "answer is too large"),
        ("(" * 40 + "1" + ")" * 40, "recursion limit"),
        ("1" * 2_000, "2000 characters"),
        ("aler.kind", "undeclared reference to 'aler.kind'"),
        ("alert.kind.startswith('n')", "undeclared reference to 'startswith'"),
        ("alert.severity = 3", "Syntax error"),
        ("alert.severity > 'high'", "No matching overloads"),
        ("alert.nope", 'Key not found in map : "nope"'),
        ("alert.__class__", "Key not found"),
        ("1 / (alert.severity - 4)", "divide by zero"),
        ("[alert.nope]", "Key not found"),
        ("'x'.format()", "undeclared reference to 'format'"),
    ],
)
def test_what_is_refused_says_why(source: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        evaluate(source, SCOPE)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "^(.*a){20}b$", "(x+x+)+y"])
def test_no_pattern_is_slow(pattern: str) -> None:
    started = time.thread_time()  # others on this machine do not count
    evaluate(f"steps.find.hits.filter(h, alert.text.matches('{pattern}')).size()", SCOPE)
    assert time.thread_time() - started < 2  # 900 times 64 kB


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "alert", [deep(30), deep(100_000), ["a"] * 30_000, {"x": "a" * 300_000}, {"x": object()}, {"x": {1}}]
)
def test_data_that_is_too_much_is_an_error(alert: Any) -> None:
    with pytest.raises(ExpressionError):
        scope(alert=alert)


def test_neither_nul_nor_surrogate_hides_what_follows() -> None:
    assert holds(
        "alert.x.contains('mimikatz') && alert.y.contains('mimikatz')",
        scope(alert={"x": "a\0mimikatz", "y": "\ud800mimikatz"}),
    )


def test_only_true_is_true() -> None:
    with pytest.raises(ExpressionError, match="int, not true or false"):
        holds("alert.severity", SCOPE)


def test_an_answer_is_never_a_template() -> None:
    hostile = scope(alert={"title": "${{ case.secret }}"}, case={"secret": "s3cret"})
    assert fill("Isolate: ${{ alert.title }}!", hostile) == "Isolate: ${{ case.secret }}!"
    assert fill("${{ alert.title }}", hostile) == "${{ case.secret }}"
    assert fill("${{ alert.severity }}", SCOPE) == 4
    assert fill("${{ alert.severity }} of ${{ alert.kind }}", SCOPE) == "4 of network.connection"
