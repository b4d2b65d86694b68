"""Carbon Black against its real sample."""

import json

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def test_an_alert_of_the_analytics():
    raw = json.loads((SAMPLES / "carbonblack/alert-v2.json").read_text())
    (((detector, alert),),) = read_folder("carbonblack").values()
    (device,) = alert.devices
    values = {one.value for one in alert.observables}

    assert detector.slug == "carbonblack"
    assert (alert.title, alert.source_ref, alert.rule_id) == (raw["reason"], raw["id"], raw["reason_code"])
    assert alert.detected_at.strftime("%Y-%m-%d %H:%M:%S.%f") == raw["detection_timestamp"][:26]
    assert alert.first_seen_at.strftime("%Y-%m-%d %H:%M:%S.%f") == raw["first_event_timestamp"][:26]
    assert alert.last_seen_at.strftime("%Y-%m-%d %H:%M:%S.%f") == raw["last_event_timestamp"][:26]
    assert (alert.severity, alert.severity_raw, alert.status) == (1, str(raw["severity"]), raw["workflow"]["status"])
    assert (alert.action, alert.url) == ("blocked", raw["alert_url"])
    assert (device.name, device.agent_id, device.address) == (
        raw["device_name"],
        str(raw["device_id"]),
        raw["device_internal_ip"],
    )
    assert [(one.domain, one.login, one.role) for one in alert.people] == [
        ("DESKTOP-A1B2C3", "bob.ross", "actor"),
        ("", "bob.ross", "logged_on"),
    ]
    assert alert.people[1].upn == raw["device_username"]
    for who in ("process", "parent", "childproc", "blocked"):
        assert {raw[f"{who}_name"], raw[f"{who}_sha256"]} <= values
    assert raw["childproc_cmdline"] in values
    assert raw["process_cmdline"].strip() in values
    assert {technique for technique, _ in alert.attack if technique} == {"T1059", "T1059.001", "T1059.003"}
    assert {tactic for _, tactic in alert.attack if tactic} == {raw["attack_tactic"]}
    assert [problem.field for problem in alert.problems] == ["detection_timestamp"]  # it names no zone
