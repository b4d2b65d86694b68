"""SentinelOne against its real samples: a threat of the API, and an activity of a custom rule."""

import json

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def test_a_threat():
    (raw,) = json.loads((SAMPLES / "sentinelone-threat/threats.json").read_text())["data"]
    (((detector, alert),),) = read_folder("sentinelone-threat").values()
    info, now = raw["threatInfo"], raw["agentRealtimeInfo"]
    (device,), (person,) = alert.devices, alert.people

    assert detector.slug == "sentinelone-threat"
    assert (alert.title, alert.rule_id, alert.source_ref) == (info["threatName"], info["classification"], raw["id"])
    assert alert.detected_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") == info["identifiedAt"]
    assert (alert.severity, alert.severity_raw, alert.status) == (3, info["confidenceLevel"], info["incidentStatus"])
    assert alert.action == "blocked"
    assert (device.name, device.agent_id, device.os) == (
        now["agentComputerName"],
        now["agentUuid"],
        now["agentOsName"],
    )
    assert (device.address, device.mac) == ("8.8.8.8", now["networkInterfaces"][0]["physical"])
    assert (person.domain, person.login) == ("EC2AMAZ-AJ0KANC", "administrator")
    assert {info["filePath"], info["sha1"], info["threatName"]} <= {one.value for one in alert.observables}
    assert (alert.attack, alert.problems) == ((), ())


def test_an_activity():
    raw = json.loads((SAMPLES / "sentinelone-activity/alert-and-threat.ndjson").read_text())
    (((detector, alert),),) = read_folder("sentinelone-activity").values()
    data = raw["data"]

    assert detector.slug == "sentinelone-activity"
    assert (alert.title, alert.rule_id, alert.source_ref) == (data["rulename"], data["ruleid"], raw["id"])
    assert alert.description == raw["primarydescription"]
    assert alert.detected_at.strftime("%Y-%m-%dT%H:%M:%SZ") == data["detectedat"]
    assert (alert.severity, alert.severity_raw) == (4, data["severity"])
    assert [(one.address, one.agent_id) for one in alert.devices] == [(data["agentipv4"], raw["agentid"])]
    assert (alert.people, alert.flow, alert.attack) == ((), None, ())
    assert {raw["secondarydescription"], data["agentipv4"]} == {one.value for one in alert.observables}
