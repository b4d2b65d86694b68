"""The small helpers that several detectors share."""

from cases.intake.absent import is_absent
from cases.intake.severities import MEDIUM, of_word


def test_a_word_that_is_not_on_the_scale_is_medium_and_said_to_be_assumed():
    assert of_word("LOW", {"low": 1}) == (1, "LOW", False)
    assert of_word("x" * 100, {"low": 1}) == (MEDIUM, "x" * 64, True)


def test_the_placeholder_of_falco_is_nothing():
    assert is_absent("<NA>")
