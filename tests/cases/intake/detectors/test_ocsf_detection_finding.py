"""OCSF findings against the real samples."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder


@needs_samples
def test_each_finding():
    checked, references = 0, set()
    for name, found in read_folder("ocsf-detection-finding").items():
        sent = json.loads((SAMPLES / "ocsf-detection-finding" / name).read_text())
        assert len(found) == len(sent)
        for (detector, alert), raw in zip(found, sent, strict=True):
            checked += 1
            references.add(alert.source_ref)
            info = raw["finding_info"]
            assert detector.slug == "ocsf-detection-finding"
            assert (alert.title, alert.description) == (info["title"], info["desc"])
            assert alert.rule_id == raw["metadata"]["event_code"]
            assert alert.detected_at == datetime.fromtimestamp(raw["time"], UTC)
            graded = 0 if raw["status_code"] == "PASS" else raw["severity_id"] - 1
            assert (alert.severity, alert.severity_raw) == (graded, raw["severity"])
            assert (alert.status, alert.action) == ("New", "unknown")
            assert (alert.devices, alert.people, alert.flow, alert.attack) == ((), (), None, ())
            assert [one.value for one in alert.observables] == [one["uid"] for one in raw["resources"]]
            assert {*info["types"], raw["status_code"]} <= set(alert.tags)
    assert checked == len(references) == 11
