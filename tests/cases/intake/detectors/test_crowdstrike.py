"""CrowdStrike against its real samples: a detection, and a record of telemetry that is no alert."""

import json

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def test_a_detection_and_a_process_record():
    raw = json.loads((SAMPLES / "crowdstrike/epp-detection.json").read_text())
    found = read_folder("crowdstrike")
    ((detector, alert),) = found["epp-detection.json"]
    values = [one.value for one in alert.observables]
    (device,), (person,) = alert.devices, alert.people

    assert found["fdr-processrollup2.json"] == []
    assert detector.slug == "crowdstrike"
    assert (alert.title, alert.description) == (raw["Name"], raw["Description"])
    assert (alert.rule_id, alert.source_ref) == (raw["Technique"], raw["CompositeId"])
    assert alert.detected_at.strftime("%Y-%m-%d %H:%M:%SZ") == raw["timestamp"]
    assert alert.first_seen_at.strftime("%Y-%m-%d %H:%M:%SZ") == raw["ProcessStartTime"]
    assert alert.last_seen_at is None
    assert (alert.severity, alert.severity_raw, alert.action) == (1, raw["SeverityName"], "quarantined")
    assert (device.name, device.agent_id) == (raw["Hostname"], "")  # the sample's id is all zeros
    assert (device.mac, device.address) == (raw["MACAddress"].replace("-", ":"), raw["LocalIP"])
    assert (person.login, person.domain) == (raw["UserName"], "")
    assert {raw["SHA256String"], raw["MD5String"], raw["CommandLine"], raw["FilePath"] + raw["FileName"]} <= set(values)
    assert {raw["ParentCommandLine"], raw["GrandParentCommandLine"], raw["LocalIP"]} <= set(values)
    assert raw["SHA1String"] not in values
    assert alert.attack == ()
    assert alert.problems == ()
