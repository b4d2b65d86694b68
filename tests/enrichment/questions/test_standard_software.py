"""Non-standard against the device's own group; without a group nothing is called standard."""

import pytest

from cases.choices import Verdict
from enrichment.questions.standard_software import StandardSoftware, is_rare
from secops.connectors.capabilities.devices import Software
from tests.enrichment.questions.asking import Says, about, ask, points

OFFICE = Software(name="Ledgerline", version="4.2", in_group=12, group_size=12, group="Finance")


def program(name: str, in_group: int, group_size: int = 12) -> Software:
    return Software(name=name, version="1", in_group=in_group, group_size=group_size, group="Finance")


def test_one_of_twelve_is_not_standard() -> None:
    judgement = ask(StandardSoftware, about(), software=[OFFICE, program("Lantern Remote Admin", 1)])

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Non-standard")
    assert judgement.headline == "Lantern Remote Admin is on 1 of 12 Finance devices."
    assert judgement.data["remote_tools"] == ["Lantern Remote Admin"]


@pytest.mark.parametrize(
    ("in_group", "group_size", "rare"),
    [(1, 12, True), (2, 12, True), (3, 12, False), (12, 12, False), (1, 5, True), (1, 4, False), (0, 0, False)],
)
def test_rare_is_a_small_share_of_a_group_that_is_large_enough(in_group: int, group_size: int, rare: bool) -> None:
    assert is_rare(program("X", in_group, group_size)) is rare


def test_a_viewer_of_pictures_is_no_remote_tool() -> None:
    judgement = ask(StandardSoftware, about(), software=[OFFICE, program("Photo Viewer", 1)])

    assert judgement.data["remote_tools"] == []


def test_all_usual_is_standard() -> None:
    judgement = ask(StandardSoftware, about(), software=[OFFICE])

    assert (judgement.label, judgement.headline) == ("Standard", "All 1 programs are usual in Finance.")
    assert points(judgement) == 0


def test_without_a_group_to_compare_with_nothing_is_called_standard() -> None:
    judgement = ask(StandardSoftware, about(), software=[program("Lantern Remote Admin", 1, 1)])

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert judgement.label == ""
    assert "remote_tools" not in judgement.data


def test_no_inventory_is_no_answer() -> None:
    assert StandardSoftware().ask(Says(software=[]), about()) is None
