"""Security Command Center against the real samples."""

import json
from datetime import datetime

from tests.cases.intake.detectors.common import NOW, SAMPLES, needs_samples, read_folder


@needs_samples
def test_each_finding():
    checked = 0
    for name, ((detector, alert),) in read_folder("google-scc").items():
        raw = json.loads((SAMPLES / "google-scc" / name).read_text(), strict=False)
        if "finding" not in raw:
            continue
        checked += 1
        finding = raw["finding"]
        assert detector.slug == "google-scc"
        assert (alert.title, alert.source_ref) == (finding["category"], finding["name"])
        assert alert.rule_id == f"{finding['parent']}/{finding['category']}"
        assert alert.detected_at == datetime.fromisoformat(finding["eventTime"])
        assert (alert.url, alert.status) == (finding["externalUri"], finding["state"])
        assert (alert.severity, alert.is_severity_assumed) == ((3, False) if "severity" in finding else (2, True))
        assert alert.people == ()
        properties = finding["sourceProperties"].get("properties", {})
        named = properties.get("instanceDetails", "")
        assert [one.name for one in alert.devices] == ([named.rpartition("/")[2]] if named else [])
        resource = finding.get("resourceName") or finding.get("resource", {}).get("name")
        assert resource in [one.value for one in alert.observables]
    assert checked == 2


@needs_samples
def test_a_log_entry_without_a_time_is_guessed_and_says_why():
    ((detector, alert),) = read_folder("google-scc")["legacy-log-entry.json"]

    assert (detector.slug, alert.detected_at) == ("generic", NOW)
    assert "eventTime" in [problem.field for problem in alert.problems]
