"""Device hygiene: a fault is said, and what the source does not say is never fine."""

from datetime import timedelta
from typing import Any

import pytest

from cases.choices import Verdict
from enrichment.questions.hygiene import Hygiene
from secops.connectors.capabilities.devices import Posture
from tests.enrichment.questions.asking import AT, Says, about, ask, fact, points

GOOD: dict[str, Any] = {
    "is_agent_healthy": True,
    "is_firewall_on": True,
    "is_encrypted": True,
    "last_patched_at": AT - timedelta(days=6),
}


def posture(**more: Any) -> Posture:
    return Posture(**({"device": "FIN-LT-0142", "os": "Windows 11"} | GOOD | more))


def test_a_device_in_order_takes_risk_away() -> None:
    judgement = ask(Hygiene, about(), posture=posture())

    assert (judgement.verdict, judgement.label) == (Verdict.BENIGN, "Healthy")
    assert points(judgement) < 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"is_firewall_on": False}, "the firewall is off"),
        ({"is_encrypted": False}, "the disk is not encrypted"),
        ({"is_agent_healthy": False}, "the agent is not healthy"),
        ({"critical_patches": 2}, "2 critical patches missing"),
        ({"oldest_missing_at": AT - timedelta(days=47)}, "47 days behind on patches"),
    ],
)
def test_each_fault_is_named_and_weighs(fault: dict[str, Any], said: str) -> None:
    judgement = ask(Hygiene, about(), posture=posture(**fault))

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "At risk")
    assert said in judgement.headline
    assert points(judgement) > 0


def test_many_faults_stay_below_a_conviction_by_themselves() -> None:
    worst = posture(is_firewall_on=False, is_encrypted=False, is_agent_healthy=False, critical_patches=9)

    assert points(ask(Hygiene, about(), posture=worst)) <= 12


@pytest.mark.parametrize("unsaid", ["is_firewall_on", "is_encrypted", "is_agent_healthy", "last_patched_at"])
def test_what_the_source_does_not_say_is_never_clean(unsaid: str) -> None:
    judgement = ask(Hygiene, about(), posture=posture(**{unsaid: None}))

    assert (judgement.verdict, judgement.label) == (Verdict.INFORMATIONAL, "")
    assert "does not say" in judgement.headline
    assert points(judgement) == 0
    assert "unknown" in [one.verdict for one in judgement.facts]


def test_a_source_that_says_nothing_at_all_acquits_nobody() -> None:
    judgement = ask(Hygiene, about(), posture=Posture(device="FIN-LT-0142"))

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert fact(judgement, "Patches") == "unknown"
    assert judgement.data["unsaid"] == ["patches", "firewall", "encryption", "agent"]


def test_an_unknown_device_is_no_answer() -> None:
    assert Hygiene().ask(Says(posture=None), about()) is None


def test_a_patch_after_the_event_does_not_say_how_the_device_was_then() -> None:
    judgement = ask(Hygiene, about(), posture=posture(last_patched_at=AT + timedelta(days=3)))

    assert judgement.verdict == Verdict.INFORMATIONAL
    assert "patches" in judgement.data["unsaid"]
