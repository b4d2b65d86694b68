"""The questions over real traffic, through the connector that reads logs, where the samples are at hand."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from cases.choices import Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Judgement, Subject
from enrichment.questions.beacon_judged import BeaconJudged
from enrichment.questions.inbound_connections import InboundConnections
from enrichment.questions.port_scan import PortScan
from enrichment.questions.traffic_pattern import TrafficPattern
from secops.charts import chart
from secops.connectors.base import Settings
from secops.connectors.capabilities.identity import Host
from secops.connectors.logs import Logs
from tests.enrichment.questions.asking import finding

SAMPLES = Path(__file__).parents[2] / "../shared/data/telemetry"
CASE = Subject(kind=SubjectKind.CASE, at=datetime(2026, 3, 10, tzinfo=UTC), value="7")
ESET, MICROSOFT = "91.228.167.171", ("51.104.162.168", "20.54.24.231")
BENIGN_DAY = ("benign-day-attacked", "147.32.81.167")
COMMAND = ("njrat-c2", "192.168.1.115", "41.108.179.197")


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Callable[[str], Logs]]:
    """The connector over one set, with a cache of its own."""

    def make(name: str) -> Logs:
        if not (SAMPLES / name).is_dir():
            pytest.skip("the real samples are not here")
        return Logs(Settings(values={"path": str(SAMPLES / name), "relative_times": True}))

    with override_settings(DATA_DIR=tmp_path):
        yield make


def end_of(source: Logs) -> datetime:
    """The alert comes when the capture ends."""
    end = source.flow_window().end
    assert end is not None
    return end + timedelta(seconds=1)


def pattern(source: Logs, device: str, peer: str) -> Judgement:
    subject = Subject(kind=SubjectKind.PAIR, at=end_of(source), value=peer, value_kind="ip", host=Host(address=device))
    judgement = TrafficPattern().ask(source, subject)
    assert judgement is not None
    return judgement


def judged(measured: Judgement, peer: str, **around: Any) -> Judgement:
    """With a program that is signed or not, and as many devices as said, also going there."""
    data = measured.data | (
        {"talkers": [f"10.0.0.{n}" for n in range(around["devices"])]} if "devices" in around else {}
    )
    findings: list[Mapping[str, Any]] = [finding("traffic_pattern", data, subject=peer)]
    if "is_signed" in around:
        program = {"is_signed": around["is_signed"], "signer": "", "image": "C:\\a.exe"}
        findings.append(finding("connecting_program", program, subject=peer))
    judgement = BeaconJudged().weigh(findings, CASE)
    assert judgement is not None
    return judgement


def of_host(question: type[PortScan | InboundConnections], source: Logs, address: str) -> Judgement:
    judgement = question().ask(source, Subject(kind=SubjectKind.HOST, at=end_of(source), host=Host(address=address)))
    assert judgement is not None
    return judgement


def test_the_command_channel_is_regular_and_suspicious_when_rare_and_unsigned(logs: Callable[[str], Logs]) -> None:
    name, device, peer = COMMAND
    measured = pattern(logs(name), device, peer)

    judgement = judged(measured, peer, is_signed=False)

    assert (measured.verdict, measured.label) == (Verdict.INFORMATIONAL, "Regular")
    assert (measured.data["connections"], measured.data["period"]) == (237, 11.51)
    assert measured.data["talkers"] == [device]
    assert "<circle" in str(chart(measured.series))
    assert (judgement.verdict, judgement.label) == (Verdict.SUSPICIOUS, "Beacon")


@pytest.mark.parametrize("peer", [ESET, *MICROSOFT])
def test_updaters_are_regular_and_never_convicted_by_that(logs: Callable[[str], Logs], peer: str) -> None:
    name, device = BENIGN_DAY
    measured = pattern(logs(name), device, peer)

    assert measured.label == "Regular"
    for around in ({}, {"is_signed": True}, {"is_signed": False}, {"devices": 30}):
        assert judged(measured, peer, **around).verdict != Verdict.MALICIOUS
    assert judged(measured, peer, is_signed=True).verdict == Verdict.INFORMATIONAL
    common = judged(measured, peer, is_signed=True, devices=30)
    assert (common.verdict, common.label) == (Verdict.BENIGN, "Normal")
    assert sum(one.points for one in common.points) < 0


def test_the_vertical_scan_is_a_scan_with_its_grid(logs: Callable[[str], Logs]) -> None:
    judgement = of_host(PortScan, logs("port-scan-vertical"), "192.168.1.9")

    assert (judgement.verdict, judgement.label, judgement.data["kind"]) == (Verdict.SUSPICIOUS, "Scan", "vertical")
    assert judgement.series["columns"] == ["45.33.32.156"]
    assert "<rect" in str(chart(judgement.series))


def test_a_device_that_was_scanned_did_not_scan(logs: Callable[[str], Logs]) -> None:
    name, device = BENIGN_DAY

    assert of_host(PortScan, logs(name), device).verdict == Verdict.INFORMATIONAL


def test_a_day_of_scans_from_outside_is_inbound(logs: Callable[[str], Logs]) -> None:
    judgement = of_host(InboundConnections, logs("suricata-day"), "192.168.1.129")

    assert judgement.data["outside_sources"] > 300
    assert judgement.data["outside_connections"] > 1500
    assert "from" in judgement.headline
    assert "outside" in judgement.headline
    assert judgement.rows


def test_a_device_that_is_in_no_log_is_neither_quiet_nor_busy(logs: Callable[[str], Logs]) -> None:
    source = logs("port-scan-vertical")
    nobody = Subject(kind=SubjectKind.HOST, at=end_of(source), host=Host(address="10.250.0.1"))

    assert PortScan().ask(source, nobody) is None
    assert InboundConnections().ask(source, nobody) is None
