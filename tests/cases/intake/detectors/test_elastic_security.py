"""Elastic Security against its real sample."""

import json

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def test_a_behaviour_alert_of_the_endpoint():
    raw = json.loads((SAMPLES / "elastic-security/endpoint-behavior.json").read_text())
    (((detector, alert),),) = read_folder("elastic-security").values()
    values = [one.value for one in alert.observables]
    (device,), (person,) = alert.devices, alert.people

    assert detector.slug == "elastic-security"
    assert alert.title == raw["kibana.alert.rule.name"]
    assert alert.description == raw["kibana.alert.reason"]
    assert alert.rule_id == raw["kibana.alert.rule.uuid"]
    assert alert.source_ref == raw["kibana.alert.uuid"]
    assert alert.detected_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" == raw["@timestamp"]
    assert alert.first_seen_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" == raw["kibana.alert.original_time"]
    assert (alert.severity, alert.severity_raw, alert.risk_score) == (3, "high", 73)
    assert (device.name, device.agent_id, device.is_edr) == (raw["host"]["name"], raw["agent"]["id"], False)
    assert (device.address, device.mac) == ("89.160.20.156", "aa:ff:aa:ff:00:02")
    assert (person.login, person.domain) == (raw["user"]["name"], "")
    assert {raw["process"]["executable"], raw["process"]["command_line"]} <= set(values)
    assert {raw["process"]["parent"]["executable"], raw["process"]["parent"]["command_line"]} <= set(values)
    said = {
        (number, threat["tactic"]["id"])
        for threat in raw["threat"]
        for technique in threat["technique"]
        for number in [technique["id"], *(each["id"] for each in technique["subtechnique"])]
    }
    assert set(alert.attack) == said
    assert len(said) == 5
    # The other two of the sample are no hashes: they lost or gained characters.
    assert [one.value for one in alert.observables if "hash" in one.kind] == [raw["process"]["hash"]["sha256"].lower()]
    assert alert.problems == ()
