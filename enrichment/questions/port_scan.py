"""Did the device try many ports or many hosts around that time?"""

from datetime import timedelta
from typing import Any

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.scan import Scan, find_scans
from secops.connectors.capabilities.traffic import Flow, Flows

AROUND = timedelta(hours=1)


@questions.register
class PortScan(Question):
    """Many targets, most of them without an answer."""

    slug = "port_scan"
    label = "Does it scan?"
    card = Card.TRAFFIC
    subject = SubjectKind.HOST
    capability = "flows"
    order = 40

    def ask(self, connector: Flows, subject: Subject) -> Judgement | None:
        flows = connector.fan_out(subject.host, subject.at - AROUND, subject.at + timedelta(minutes=5))
        if not flows and not connector.peers(subject.host, subject.at - AROUND, subject.at):
            return None  # a device that the source did not see did not stay quiet
        scans = find_scans(flows)
        if not scans:
            return Judgement(
                verdict=Verdict.INFORMATIONAL,
                headline="No scan in the hour before: it did not try many ports or hosts.",
                data={"is_scan": False},
            )
        scan = scans[0]
        return Judgement(
            verdict=Verdict.SUSPICIOUS,
            label="Scan",
            headline=scan.sentence,
            facts=[Fact(label=one.kind.capitalize(), value=one.sentence) for one in scans[:4]],
            series=_grid(scan, flows),
            points=[Points(points=15, text="scan")],
            data={"is_scan": True, "kind": scan.kind, "hosts": scan.hosts, "ports": scan.ports},
        )


def _grid(scan: Scan, flows: list[Flow]) -> dict[str, Any]:
    mine = [one for one in flows if scan.kind == "block" or scan.target in (one.peer, str(one.peer_port))][:400]
    return {
        "kind": "scan",
        "title": scan.sentence,
        "rows": sorted({one.peer_port for one in mine})[:40],
        "columns": sorted({one.peer for one in mine})[:40],
        "cells": [[one.peer_port, one.peer] for one in mine],
    }
