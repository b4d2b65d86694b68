"""Both stories are argued; each can win, and what nobody answered is named."""

from typing import Any

import pytest

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Judgement
from enrichment.questions.two_stories import OUTSIDE, PERSON, TwoStories
from tests.enrichment.questions.asking import about, fact, finding

CASE = about(SubjectKind.CASE, "7")
COPIED = finding("removable_media", {"bytes": 2_100_000_000, "users": ["CORP\\Ines.R"]})
LEAVER = finding("person_profile", {"login": "ines.r", "is_leaver": True, "is_off_hours": False})
AT_NIGHT = finding("person_profile", {"login": "ines.r", "is_leaver": False, "is_off_hours": True})
CONSOLE = finding("signed_in", {"logins": ["ines.r"], "remote_sessions": 0})
REMOTE = finding("signed_in", {"logins": ["ines.r"], "remote_sessions": 2})
LEFT_ALONE = finding("inbound_connections", {"outside_connections": 0, "answered_sources": 0, "remote_control": []})
ANSWERED = finding(
    "inbound_connections",
    {"outside_connections": 9, "answered_sources": 1, "remote_control": [{"peer": "198.51.100.9", "port": 3389}]},
)
STANDARD = finding("standard_software", {"non_standard": [], "remote_tools": []})
LANTERN = finding("standard_software", {"remote_tools": ["Lantern Remote Admin"]})


def weigh(*findings: dict[str, Any]) -> Judgement:
    judgement = TwoStories().weigh([COPIED, *findings], CASE)
    assert judgement is not None
    return judgement


def test_a_leaver_at_the_console_speaks_for_the_person() -> None:
    judgement = weigh(LEAVER, CONSOLE, LEFT_ALONE, STANDARD)

    assert (judgement.label, judgement.data["winner"]) == ("Person", PERSON)
    assert len(judgement.data["person"]) == 5
    assert fact(judgement, "From outside") == "nothing speaks for it"
    assert fact(judgement, "Not heard") == "everything was answered"


def test_a_remote_tool_and_an_answer_outside_speak_for_somebody_else() -> None:
    judgement = weigh(AT_NIGHT, REMOTE, ANSWERED, LANTERN)

    assert (judgement.label, judgement.data["winner"]) == ("Driven from outside", OUTSIDE)
    assert "a remote tool that its group does not have: Lantern Remote Admin" in judgement.data["outside"]


def test_the_story_that_loses_is_argued_too() -> None:
    judgement = weigh(AT_NIGHT, REMOTE, ANSWERED, LANTERN)

    assert judgement.data["person"] == ["the copying ran under their account"]
    assert [row[0] for row in judgement.rows].count(PERSON) == 1
    assert fact(judgement, "This person") == "the copying ran under their account"


def test_when_both_are_about_as_strong_neither_is_chosen() -> None:
    judgement = weigh(LEAVER, REMOTE, ANSWERED)

    assert (judgement.label, judgement.headline) == ("Undecided", "Neither story is clearly stronger.")
    assert judgement.data["person"]
    assert judgement.data["outside"]


@pytest.mark.parametrize("status", ["failed", "refused", "skipped"])
def test_sources_that_did_not_answer_are_named_and_decide_nothing(status: str) -> None:
    judgement = weigh(LEAVER, CONSOLE, finding("inbound_connections", {}, status=status), STANDARD)

    assert fact(judgement, "Not heard") == "inbound connections (Source)"
    assert "nobody connected to the device from outside" not in judgement.data["person"]


def test_what_was_never_asked_is_named() -> None:
    judgement = weigh(LEAVER)

    assert judgement.data["not_known"] == ["inbound connections", "signed in", "standard software"]
    assert "no remote session and no remote tool" not in judgement.data["person"]


def test_an_inventory_without_a_group_does_not_rule_out_a_remote_tool() -> None:
    judgement = weigh(LEAVER, CONSOLE, finding("standard_software", {"programs": 3}))

    assert "no remote session and no remote tool" not in judgement.data["person"]


def test_a_source_that_saw_nothing_does_not_outvote_one_that_saw_something() -> None:
    one, other = weigh(ANSWERED, LEFT_ALONE), weigh(LEFT_ALONE, ANSWERED)

    assert one.data["outside"] == other.data["outside"]
    assert "somebody outside connected to the device and was answered" in one.data["outside"]
    assert "nobody connected to the device from outside" not in one.data["person"]


def test_it_is_about_the_person_who_copied_not_about_others_of_the_case() -> None:
    other = finding("person_profile", {"login": "maya.o", "is_leaver": True, "is_off_hours": True})

    judgement = weigh(AT_NIGHT, other, CONSOLE)

    assert "the person is about to leave" not in judgement.data["person"]


def test_it_is_never_an_acquittal() -> None:
    assert weigh(LEAVER, CONSOLE, LEFT_ALONE, STANDARD).verdict == Verdict.SUSPICIOUS


@pytest.mark.parametrize("media", [finding("removable_media", {"bytes": 0}), LEAVER])
def test_without_data_that_left_there_is_no_story(media: dict[str, Any]) -> None:
    assert TwoStories().weigh([media], CASE) is None
