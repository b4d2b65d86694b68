"""What others say: many engines convict, few suspect, silence acquits nobody."""

from typing import Any

import pytest

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.reputation import AddressReputation, FileReputation
from secops.connectors.capabilities.places import Reputation
from tests.enrichment.questions.asking import Says, about, ask, points

ADDRESS = about(SubjectKind.ADDRESS, "203.0.113.44", "ip")
FILE = about(SubjectKind.HASH, "ab" * 32, "hash_sha256")


@pytest.mark.parametrize(
    ("counts", "verdict", "is_heavier"),
    [
        ({"malicious": 9, "checked": 90}, Verdict.MALICIOUS, 1),
        ({"malicious": 3, "harmless": 80, "checked": 90}, Verdict.MALICIOUS, 1),
        ({"malicious": 2, "harmless": 80, "checked": 90}, Verdict.SUSPICIOUS, 1),
        ({"suspicious": 1, "checked": 90}, Verdict.SUSPICIOUS, 1),
        ({"harmless": 60, "checked": 90}, Verdict.BENIGN, -1),
        ({"harmless": 2, "checked": 90}, Verdict.INFORMATIONAL, 0),
        ({"checked": 90}, Verdict.INFORMATIONAL, 0),
        ({}, Verdict.INFORMATIONAL, 0),
    ],
)
def test_the_number_of_engines_decides(counts: dict[str, Any], verdict: Verdict, is_heavier: int) -> None:
    judgement = ask(AddressReputation, ADDRESS, reputation=Reputation(**counts))

    assert judgement.verdict == verdict
    assert (points(judgement) > 0) - (points(judgement) < 0) == is_heavier


def test_an_opinion_that_nobody_has_is_said_so() -> None:
    judgement = ask(AddressReputation, ADDRESS, reputation=Reputation())

    assert judgement.headline == "No engine has an opinion on 203.0.113.44."
    assert judgement.observable_verdicts == {}


def test_a_conviction_names_the_family_and_colours_the_observable() -> None:
    judgement = ask(AddressReputation, ADDRESS, reputation=Reputation(malicious=9, checked=90, families=["Marrowlink"]))

    assert judgement.headline == "9 of 90 engines call 203.0.113.44 malicious, known as Marrowlink."
    assert judgement.points[0].text == "known bad: Marrowlink"
    assert judgement.observable_verdicts == {"203.0.113.44": "malicious"}


@pytest.mark.parametrize(("malicious", "followed"), [(9, 3), (0, 0)])
def test_related_files_are_followed_only_after_a_conviction(malicious: int, followed: int) -> None:
    related: list[dict[str, Any]] = [{"kind": "hash_sha256", "value": f"{n:064x}"} for n in range(6)]
    related.append({"kind": "domain", "value": "cdn-metrics.example"})

    judgement = ask(FileReputation, FILE, reputation=Reputation(malicious=malicious, checked=90, related=related))

    assert len(judgement.pivots) == followed
    assert {one.kind for one in judgement.pivots} <= {"hash_sha256"}


def test_a_harmless_file_takes_no_risk_from_the_case() -> None:
    judgement = ask(FileReputation, FILE, reputation=Reputation(harmless=60, checked=90))

    assert judgement.verdict == Verdict.BENIGN
    assert points(judgement) == 0


def test_a_value_that_nobody_knows_is_no_answer() -> None:
    assert AddressReputation().ask(Says(reputation=None), ADDRESS) is None
