"""Runbooks as text: one canonical form, read back byte for byte, and a line for everything that cannot be read."""

import random
import string
from typing import Any

import pytest

from response.actions.base import actions
from response.formats import yaml
from response.models.runbooks import body_hash
from response.services import drafts, shipped
from response.services.runbooks import frozen

NASTY = (
    *("yes", "no", "on", "off", "null", "~", "true", "False", "010", "1_000", "12:30:00", "1e5", "1.5e3", "0x1f", ".5"),
    *("2026-11-24", "<<", "=", "- a", "? b", "a: b", "a #b", "#c", "*x", "&y", "!z", "%d", "@e", "`f`", "{}", "[]"),
    *(
        "'",
        '"',
        "\\",
        "a\tb",
        " lead",
        "trail ",
        "two  spaces",
        "é ü 😀",
        "\u2028",
        "\x85",
        "\x7f",
        "a\nb",
        "\na",
        "a\n",
    ),
    *("  a\nb", "a\n\n\nb", "a\n b\n", "${{ device.id }}", "${{ a }}: ${{ b }}", "word " * 40, "x" * 300, "9" * 64),
)


def random_text(dice: random.Random) -> str:
    if dice.random() < 0.6:
        return dice.choice(NASTY)
    letters = string.ascii_letters + "   \n:#'\"-${}[]é"
    return "".join(dice.choices(letters, k=dice.randint(1, 200)))


def random_body(dice: random.Random) -> dict[str, Any]:
    """Any body that the editor could hold."""
    kinds = [one for one in actions if one.is_written]
    steps: list[dict[str, Any]] = []
    for number in range(dice.randint(0, 6)):
        action = dice.choice(kinds)
        key = dice.choice(["s", "yes", "on", "null", "n"]) + str(number) * dice.randint(0, 1) + f"_{number}"
        before = [steps[-1]["key"]] if steps else []
        needs = dice.sample([one["key"] for one in steps], dice.randint(0, len(steps))) or before
        step = {
            "key": key,
            "action": action.slug,
            "title": dice.choice([action.label, random_text(dice)]),
            "help_text": dice.choice(["", random_text(dice)]),
            "params": {
                name: dice.choice([random_text(dice), "", 5, True, [random_text(dice), "b"]])
                for name in action.Params.base_fields
                if dice.random() < 0.8
            },
            "when": dice.choice(["", "true", random_text(dice)]),
            "needs": needs,
            "approvals": dice.choice([None, 0, 1, 2]),
            "timeout_seconds": dice.choice([900, 60]),
            "on_failure": dice.choice(["stop", "continue", "ask"]),
        }
        each = {"for_each": random_text(dice), "cap": dice.choice([5, 0, 9])}
        steps.append(step | (each if dice.random() < 0.3 else {}))
    title, description = random_text(dice) or "t", dice.choice(["", random_text(dice)])
    return {"slug": "a-b", "title": title, "description": description, "phase": "containment", "steps": steps}


def test_the_shipped_runbook_comes_back_byte_for_byte_and_with_its_hash(db):
    shipped.install()
    runbook = drafts.Runbook.objects.get(slug="contain-device")
    text = drafts.text_of(runbook)

    again = drafts.take(text, "file", actor=None)

    assert again.pk == runbook.pk
    assert drafts.text_of(again) == text
    assert body_hash(frozen(again)) == runbook.live.sha256
    assert yaml.write(runbook.live.body) == text


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(n, marks=pytest.mark.slow) for n in range(40, 150))])
def test_any_body_comes_back_byte_for_byte(seed):
    body = random_body(random.Random(seed))
    text = yaml.write(body)

    document = yaml.read(text)

    assert document.faults == []
    rows = drafts.steps_of(document.body)
    assert [(row.key, row.when, row.help_text, row.approvals) for row in rows] == [
        (step["key"], step["when"], step["help_text"], step["approvals"]) for step in body["steps"]
    ]
    assert [row.params for row in rows] == [step["params"] for step in body["steps"]]
    assert yaml.write(_filled(document.body)) == text


def _filled(body: dict[str, Any]) -> dict[str, Any]:
    """As `frozen` writes a draft out."""
    steps: list[dict[str, Any]] = []
    for step in body["steps"]:
        before = [steps[-1]["key"]] if steps else []
        steps.append(step | {"title": step["title"] or actions[step["action"]].label, "needs": step["needs"] or before})
    return body | {"steps": steps, "description": body.get("description", "")}


def test_long_text_stands_in_blocks_and_short_lists_on_one_line():
    body = random_body(random.Random(0)) | {
        "title": "Contain",
        "description": "One line that is rather long, " * 6 + "and ends.",
        "steps": [
            _step("a"),
            _step("b"),
            _step("c", needs=["a", "b"], help_text="First.\nThen.", params={"device": "${{ device.id }}"}),
        ],
    }

    text = yaml.write(body)

    assert "description: >-\n  One line" in text
    assert "    help_text: |-\n      First.\n      Then.\n" in text
    assert "    needs: [a, b]\n" in text
    assert "      device: ${{ device.id }}\n" in text
    assert "\n\n  - key: b\n" in text
    assert max(len(line) for line in text.splitlines()) <= 110


def _step(key: str, **fields: Any) -> dict[str, Any]:
    usual = {"title": "Isolate device", "help_text": "", "params": {}, "when": "", "needs": [], "approvals": None}
    return {"key": key, "action": "isolate_device", "timeout_seconds": 900, "on_failure": "stop"} | usual | fields


HEAD = "schema: nightdesk.runbook/1\nslug: a\ntitle: A\nsteps:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the runbook must be written as name: value"),
        ("- a", "line 1: the runbook must be written as name: value"),
        ("a: [", "line 1: expected the node content"),
        ("a: b: c", "line 1: mapping values are not allowed here."),
        ("a: &x 1\nb: *x", "line 2: aliases (*name) are not read"),
        ("a: 1\n--- \nb: 2", "line 2: but found another document"),
        ("a: \x01", "line 1: a control character"),
        ("[" * 5_000, "line 1: it is nested too deep."),
        ("slug: a\nslug: b", "line 2, slug: it stands there twice."),
        ("slgu: a", "line 1, slgu: the runbook has no such field. Did you mean 'slug'?"),
        (HEAD.replace("/1", "/2") + "  []", "line 1, schema: only nightdesk.runbook/1 is read."),
        (HEAD + "  - key: a", "line 5, step 1, action: it is missing."),
        (HEAD + "  - key: a\n    action: notify\n    whne: x", "line 7, step 1, whne: a step has no such field. Did"),
        (HEAD + "  - key: a\n    action: notify\n    cap: many", "line 7, step 1, cap: it must be a whole number."),
        (HEAD + "  - key: a\n    action: notify\n    when: [x]", "line 7, step 1, when: it must be text."),
        (HEAD + "  - key: a\n    action: notify\n    needs: x", "line 7, step 1, needs: it must be a list."),
        (HEAD + "  - key: a\n    action: notify\n    params: x", "line 7, step 1, params: params must be written as"),
        (HEAD + "  - key: a\n    action: !!python/name:os.system x", "line 6, step 1, action: tags are not read"),
        (HEAD + "  - a\n  - b", "line 6, step 2: a step must be written as name: value"),
        ("x" * 100_001, "line 1: over 100,000 characters."),
        (HEAD + "  - {}\n" * 101, "line 5, steps: there are 101; at most 100 are read."),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text, said):
    assert said in " | ".join(map(str, yaml.read(text).faults))


def test_all_faults_are_told_at_once_in_the_order_of_the_lines():
    text = HEAD + "  - key: a\n    actoin: notify\n    cap: x\n  - wrong"

    assert [fault.line for fault in yaml.read(text).faults] == [5, 6, 7, 8]


def test_plain_words_stay_text_and_numbers_stay_numbers():
    text = HEAD + "  - {key: 'on', action: notify, when: true, params: {a: yes, b: 010, c: 7, d: true, e: 2026-11-24}}"

    (step,) = yaml.read(text).body["steps"]

    assert step["when"] == "true"
    assert step["params"] == {"a": "yes", "b": "010", "c": 7, "d": True, "e": "2026-11-24"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("params: {to: !!int foo}", "params.to"),
        ("params: {to: [!!float foo]}", "params.to"),
        (f"params: {{to: !!int {'9' * 5000}}}", "params.to"),
        ("params: {to: 1.0e+999}", "params.to"),
        ("params: {to: !!bool maybe}", "params.to"),
        ('params: {to: "a\\0b"}', "params.to"),
        ('params: {"a\\ud800b": 1}', "params.a\ufffdb"),
        ('title: "a\\ud800b"', "title"),
        ("title: !!int foo", "title"),
        ("cap: !!int zz", "cap"),
        (f"timeout_seconds: !!int {'9' * 5000}", "timeout_seconds"),
        ('needs: ["a\\0b"]', "needs"),
    ],
)
def test_what_cannot_be_a_value_is_a_fault_with_its_line_and_field(written, name):
    head = f"schema: {yaml.SCHEMA}\nslug: x\ntitle: T\nphase: containment\nsteps:\n"

    faults = yaml.read(f"{head}  - key: a\n    action: notify\n    {written}\n").faults

    assert [(fault.line, fault.number, fault.name) for fault in faults] == [(8, 1, name)]
    str(faults[0]).encode()
