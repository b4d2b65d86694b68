"""A scan is said with its grid; browsing, and silence of a source, are none."""

from cases.choices import Verdict
from enrichment.questions.port_scan import PortScan
from secops.charts import chart
from secops.connectors.capabilities.traffic import Flow
from tests.enrichment.questions.asking import Says, about, ask, is_conviction, points
from tests.enrichment.reasoning.flows import flow, total


def vertical() -> list[Flow]:
    return [flow(number / 10, peer="10.9.0.5", port=20 + number, bytes_in=0) for number in range(60)]


def horizontal() -> list[Flow]:
    return [flow(number / 10, peer=f"10.9.1.{number}", port=445, bytes_in=0) for number in range(30)]


def test_many_ports_of_one_host_are_a_scan_with_a_drawing() -> None:
    judgement = ask(PortScan, about(), fan_out=vertical())

    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Scan")
    assert judgement.data == {"is_scan": True, "kind": "vertical", "hosts": 1, "ports": 60}
    assert judgement.series["columns"] == ["10.9.0.5"]
    assert len(judgement.series["rows"]) == 40
    assert str(chart(judgement.series)).startswith("<svg")


def test_one_port_of_many_hosts_draws_only_that_port() -> None:
    stray = [flow(200 + number, peer="203.0.113.9", port=8000 + number, bytes_in=0) for number in range(3)]

    judgement = ask(PortScan, about(), fan_out=[*horizontal(), *stray])

    assert judgement.data["kind"] == "horizontal"
    assert judgement.series["rows"] == [445]
    assert {port for port, _ in judgement.series["cells"]} == {445}


def test_a_browser_that_is_answered_by_many_hosts_does_not_scan() -> None:
    answered = [flow(number, peer=f"198.51.100.{number}", bytes_in=9_000) for number in range(60)]

    judgement = ask(PortScan, about(), fan_out=answered)

    assert not is_conviction(judgement)
    assert points(judgement) == 0
    assert judgement.series == {}


def test_a_quiet_device_is_told_from_one_that_nobody_saw() -> None:
    quiet = ask(PortScan, about(), fan_out=[], peers=[total("10.9.0.5", 9)])

    assert quiet.data == {"is_scan": False}
    assert PortScan().ask(Says(fan_out=[], peers=[]), about()) is None
