"""An incident of Sentinel against its real sample."""

import json

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def test_an_incident():
    (raw,) = json.loads((SAMPLES / "sentinel-incident/incident.json").read_text())["value"]
    (((detector, alert),),) = read_folder("sentinel-incident").values()
    said = raw["properties"]

    assert detector.slug == "sentinel-incident"
    assert (alert.title, alert.description, alert.source_ref) == (said["title"], said["description"], raw["name"])
    assert [alert.rule_id] == said["relatedAnalyticRuleIds"]
    assert alert.detected_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") == said["createdTimeUtc"]
    assert alert.first_seen_at.strftime("%Y-%m-%dT%H:%M:%S.%f") == said["firstActivityTimeUtc"][:26]
    assert alert.last_seen_at.strftime("%Y-%m-%dT%H:%M:%S.%f") == said["lastActivityTimeUtc"][:26]
    assert (alert.severity, alert.severity_raw, alert.status) == (2, said["severity"], said["status"])
    assert alert.url == said["incidentUrl"]
    assert alert.tags == tuple(said["additionalData"]["alertProductNames"])
    assert (alert.devices, alert.people, alert.observables, alert.attack) == ((), (), (), ())  # "null" is nobody
    assert alert.problems == ()
