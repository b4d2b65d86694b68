"""Grafana's webhook beside the repository."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def test_alertmanager():
    for name, pairs in read_folder("alertmanager").items():
        raw = json.loads((SAMPLES / "alertmanager" / name).read_text())
        assert len(raw["alerts"]) == len(pairs) == 1
        for sent, (detector, alert) in zip(raw["alerts"], pairs, strict=True):
            assert detector.slug == "alertmanager"
            assert alert.title == sent["annotations"]["summary"]
            assert alert.description == sent["annotations"]["description"]
            assert alert.rule_id == sent["labels"]["alertname"]
            assert alert.source_ref == f"{sent['fingerprint']}/{sent['startsAt']}"
            moment = datetime.strptime(sent["startsAt"][:26], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)
            assert alert.detected_at == moment
            assert (alert.status, alert.last_seen_at) == (sent["status"], None)
            assert alert.url == sent["panelURL"]
            assert [one.name for one in alert.devices] == [sent["labels"]["instance"]]
            assert (alert.severity, alert.is_severity_assumed) == (2, True)
            assert (alert.people, alert.observables) == ((), ())
