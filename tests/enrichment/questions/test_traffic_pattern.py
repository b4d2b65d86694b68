"""The measure and its drawing; convicting is left to others."""

from random import Random

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.traffic_pattern import TrafficPattern
from secops.charts import chart
from tests.enrichment.questions.asking import Says, about, ask, fact, points
from tests.enrichment.reasoning.flows import flow, ticks

PAIR = about(SubjectKind.PAIR, "203.0.113.44", "ip")


def test_a_regular_pattern_is_measured_drawn_and_not_convicted() -> None:
    judgement = ask(TrafficPattern, PAIR, connections=ticks(900, 60), talkers=["FIN-LT-0142"])

    assert (judgement.verdict, judgement.label) == (Verdict.INFORMATIONAL, "Regular")
    assert fact(judgement, "Period") == "60.0 s, jitter 0 %"
    assert fact(judgement, "Who else") == "1 device in 7 days: FIN-LT-0142"
    assert points(judgement) == 0
    assert judgement.series["expected"] == 60
    assert len(judgement.series["points"]) <= 600
    assert "<circle" in str(chart(judgement.series))


def test_connections_by_chance_are_counted_and_not_drawn() -> None:
    random = Random(3)
    flows = [flow(moment) for moment in sorted(random.uniform(0, 36_000) for _ in range(80))]

    judgement = ask(TrafficPattern, PAIR, connections=flows, talkers=["a", "b", "c"])

    assert judgement.label == ""
    assert judgement.headline == "80 connections to 203.0.113.44:443, not regular."
    assert judgement.series == {}


def test_what_the_peer_opened_does_not_disturb_the_drawing() -> None:
    mixed = sorted([*ticks(100, 60), flow(90, is_inbound=True)], key=lambda one: one.at)

    judgement = ask(TrafficPattern, PAIR, connections=mixed, talkers=[])

    assert {pause for _, pause in judgement.series["points"]} == {60}


def test_one_connection_is_rare_and_no_pattern() -> None:
    judgement = ask(TrafficPattern, PAIR, connections=[flow(0)], talkers=["FIN-LT-0142"])

    assert (judgement.label, judgement.headline) == ("Rare", "One connection to 203.0.113.44.")


def test_no_connection_is_no_answer() -> None:
    assert TrafficPattern().ask(Says(connections=[]), PAIR) is None
