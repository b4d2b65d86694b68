"""The small helpers that several detectors share."""

import pytest

from cases.intake.absent import is_absent
from cases.intake.inner_json import inner_json
from cases.intake.normalise import tactic_id
from cases.intake.severities import MEDIUM, of_word


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('["a", {"b": 1}]', ["a", {"b": 1}]),
        (' {"sample": true}', {"sample": True}),
        ("plain words", "plain words"),
        ("[broken", "[broken"),
        ('{"twice": 1, "twice": 2}', '{"twice": 1, "twice": 2}'),
        ("[" * 5000, "[" * 5000),
        (7, 7),
        (None, None),
    ],
)
def test_json_in_a_text_is_opened_and_nothing_else(value, expected):
    assert inner_json(value) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mitre_privilege_escalation", "TA0004"),
        ("Command and Control", "TA0011"),
        ("COMMAND_AND_CONTROL", "TA0011"),
        ("ta0002", "TA0002"),
        ("container", ""),
        ("", ""),
    ],
)
def test_a_tactic_is_known_by_its_name_in_any_spelling(name, expected):
    assert tactic_id(name) == expected


def test_a_word_that_is_not_on_the_scale_is_medium_and_said_to_be_assumed():
    assert of_word("LOW", {"low": 1}) == (1, "LOW", False)
    assert of_word("x" * 100, {"low": 1}) == (MEDIUM, "x" * 64, True)


def test_the_placeholder_of_falco_is_nothing():
    assert is_absent("<NA>")
