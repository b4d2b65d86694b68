"""Distances of TLSH digests: those that py-tlsh 5.0.0 gives for the same pairs."""

import pytest

from secops.hunting import tlsh
from secops.hunting.clauses import ClauseError, read
from secops.hunting.conditions import Kind, holds
from secops.practice.week.story_system import IMPLANT, KIT, ORIGINAL, VARIANT


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [
        (IMPLANT.tlsh, IMPLANT.tlsh, 0),
        (IMPLANT.tlsh, VARIANT.tlsh, 31),
        (IMPLANT.tlsh, "T18072D043093C09550DDFEE49A0B7CBE0E868C5AEB47A0D493D4E61E94487F67E2CC68E", 25),
        (IMPLANT.tlsh, ORIGINAL.tlsh, 211),
        (IMPLANT.tlsh, KIT.tlsh, 268),
    ],
)
def test_a_distance_is_what_the_library_says(one: str, other: str, far: int) -> None:
    assert tlsh.distance(one, other) == tlsh.distance(other, one) == far


def test_a_digest_is_read_as_every_source_writes_it() -> None:
    assert tlsh.digest(IMPLANT.tlsh.lower()[2:]) == IMPLANT.tlsh
    assert [tlsh.digest(one) for one in ("", "TNULL", IMPLANT.tlsh[:-1], f"{IMPLANT.tlsh}0")] == [""] * 4


def test_a_clause_says_how_far_and_finds_no_further() -> None:
    (clause,) = read([{"kind": "similar", "value": f"{IMPLANT.tlsh.lower()} 31"}])
    assert clause.title == f"Similar file (TLSH) {IMPLANT.tlsh[:6]}…{IMPLANT.tlsh[-4:]} within 31"
    (query,) = clause.queries()
    assert query.kind == Kind.FILE
    assert holds(query.condition, {"tlsh": VARIANT.tlsh})
    assert not holds(query.condition, {"tlsh": ORIGINAL.tlsh})
    assert not holds(query.condition, {"tlsh": ""})
    (nearer,) = read([{"kind": "similar", "value": f"{IMPLANT.tlsh} 30"}])
    assert not holds(nearer.queries()[0].condition, {"tlsh": VARIANT.tlsh})
    assert read([{"kind": "similar", "value": IMPLANT.tlsh}])[0].value == f"{IMPLANT.tlsh} 50"


@pytest.mark.parametrize("value", ["T1AB", f"{IMPLANT.tlsh} far", f"{IMPLANT.tlsh} 201", f"{IMPLANT.tlsh} -1"])
def test_what_is_no_digest_or_no_distance_is_refused(value: str) -> None:
    with pytest.raises(ClauseError, match="Similar file"):
        read([{"kind": "similar", "value": value}])
