"""Defender's streaming against its real samples: an alert, and an evidence of another one."""

import json

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def _raw(name):
    return json.loads((SAMPLES / "defender-streaming" / name).read_text())["properties"]


def test_an_alert_and_an_evidence():
    found = read_folder("defender-streaming")
    ((detector, alert),) = found["alertinfo.json"]
    raw = _raw("alertinfo.json")

    assert detector.slug == "defender-streaming"
    assert (alert.title, alert.source_ref) == (raw["Title"], raw["AlertId"])
    assert alert.rule_id == f"{raw['DetectionSource']}:{raw['Title']}"
    assert alert.detected_at.strftime("%Y-%m-%d %H:%M:%S.%f") == raw["Timestamp"][:26]
    assert (alert.severity, alert.severity_raw) == (3, raw["Severity"])
    assert {technique for technique, _ in alert.attack} == {"T1218", "T1218.010", "T1218.011", ""}
    assert [tactic for _, tactic in alert.attack if tactic] == ["TA0005"]
    assert (alert.devices, alert.people, alert.observables) == ((), (), ())
    assert [problem.field for problem in alert.problems] == ["properties.Timestamp"]  # it names no zone

    ((detector, alert),) = found["alertevidence.json"]
    raw = _raw("alertevidence.json")

    assert detector.slug == "defender-streaming"
    assert (alert.title, alert.grouping_key) == (raw["Title"], raw["AlertId"])
    assert alert.source_ref.startswith(f"{raw['AlertId']}/")
    assert alert.detected_at.strftime("%Y-%m-%dT%H:%M:%S.%f") == raw["Timestamp"][:26]
    assert alert.attack == (("", "TA0001"),)
    assert [(one.name, one.agent_id) for one in alert.devices] == [
        (json.loads(raw["AdditionalFields"])["ResourceName"], "")
    ]
    assert (alert.people, alert.flow, alert.problems) == ((), None, ())
