"""Regular is not malicious: what is known of that very peer decides, and an updater hides no beacon."""

from typing import Any

import pytest

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Judgement
from enrichment.questions.beacon_judged import BeaconJudged
from enrichment.questions.traffic_pattern import TrafficPattern
from tests.enrichment.questions.asking import about, ask, finding, is_conviction, points
from tests.enrichment.reasoning.flows import ticks

PEER, UPDATER = "203.0.113.44", "198.51.100.7"
CASE = about(SubjectKind.CASE, "7")
BAD = {"malicious": 9, "checked": 90, "families": ["Marrowlink"]}
FINE = {"malicious": 0, "checked": 90, "families": []}


def pattern(peer: str = PEER, *, count: int = 100, talkers: int = 1, name: str = "") -> dict[str, Any]:
    flows = [*ticks(count, 60)]
    flows = [type(one)(**{**_fields(one), "peer": peer, "peer_name": name}) for one in flows]
    names = [f"10.0.0.{number}" for number in range(talkers)]
    judged = ask(TrafficPattern, about(SubjectKind.PAIR, peer), connections=flows, talkers=names)
    return finding("traffic_pattern", judged.data, subject=peer)


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def program(*, is_signed: bool, peer: str = PEER) -> dict[str, Any]:
    data = {"is_signed": is_signed, "signer": "Stowage" if is_signed else "", "image": "C:\\U\\updater.exe"}
    return finding("connecting_program", data, subject=peer)


def weigh(*findings: dict[str, Any]) -> Judgement:
    judgement = BeaconJudged().weigh(list(findings), CASE)
    assert judgement is not None
    return judgement


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([pattern()], Verdict.SUSPICIOUS),
        ([pattern(), program(is_signed=False)], Verdict.SUSPICIOUS),
        ([pattern(), program(is_signed=True)], Verdict.INFORMATIONAL),
        ([pattern(talkers=30)], Verdict.INFORMATIONAL),
        ([pattern(talkers=30), program(is_signed=True)], Verdict.BENIGN),
        ([pattern(), finding("address_reputation", BAD, subject=PEER)], Verdict.MALICIOUS),
        ([pattern(), finding("address_reputation", FINE, subject=PEER)], Verdict.SUSPICIOUS),
        ([pattern(), finding("address_reputation", BAD, subject=PEER, status="failed")], Verdict.SUSPICIOUS),
    ],
)
def test_prevalence_signer_and_reputation_decide(findings: list[dict[str, Any]], verdict: Verdict) -> None:
    assert weigh(*findings).verdict == verdict


def test_without_a_regular_pattern_there_is_nothing_to_judge() -> None:
    assert BeaconJudged().weigh([program(is_signed=False)], CASE) is None
    assert BeaconJudged().weigh([finding("traffic_pattern", {"connections": 1, "talkers": []})], CASE) is None


def test_a_busier_updater_hides_no_beacon() -> None:
    updater = [pattern(UPDATER, count=300, talkers=30), program(is_signed=True, peer=UPDATER)]

    judgement = weigh(*updater, pattern(count=50), program(is_signed=False))

    assert judgement.verdict == Verdict.SUSPICIOUS
    assert judgement.data["peer"] == PEER


def test_what_is_known_of_another_address_does_not_convict_the_updater() -> None:
    others = [finding("address_reputation", BAD, subject=PEER), program(is_signed=False)]

    judgement = weigh(pattern(UPDATER, talkers=30), program(is_signed=True, peer=UPDATER), *others)

    assert judgement.verdict == Verdict.BENIGN
    assert points(judgement) < 0


def test_a_domain_speaks_for_the_peer_that_bore_its_name() -> None:
    named = pattern(name="cdn-metrics.example")

    hit = weigh(named, finding("domain_reputation", BAD, subject="cdn-metrics.example"))
    other = weigh(named, finding("domain_reputation", BAD, subject="other.example"))

    assert (hit.verdict, other.verdict) == (Verdict.MALICIOUS, Verdict.SUSPICIOUS)


def test_a_young_domain_is_among_the_reasons() -> None:
    judgement = weigh(pattern(), finding("domain_registration", {"days_old": 3}, subject="cdn-metrics.example"))

    assert "Registered 3 days ago." in [one.value for one in judgement.facts]


def test_an_unchecked_value_is_not_told_as_clean() -> None:
    unchecked = finding("address_reputation", {"malicious": 0, "checked": 0, "families": []}, subject=PEER)

    assert not [one for one in weigh(pattern(), unchecked).facts if "engine" in one.value]


def test_benign_facts_give_negative_points() -> None:
    benign = weigh(pattern(talkers=30), program(is_signed=True))

    assert not is_conviction(benign)
    assert points(benign) < 0
