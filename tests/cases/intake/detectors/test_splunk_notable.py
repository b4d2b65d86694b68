"""A notable of Splunk against its real sample, whose addresses and names are masked by x."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples


def test_a_notable():
    raw = json.loads((SAMPLES / "splunk-notable/root-user.json").read_text())
    (((detector, alert),),) = read_folder("splunk-notable").values()

    assert detector.slug == "splunk-notable"
    assert (alert.title, alert.description) == (raw["rule_title"], raw["rule_description"])
    assert (alert.rule_id, alert.rule_name, alert.source_ref) == (
        raw["search_name"],
        raw["rule_name"],
        raw["event_id"],
    )
    assert alert.detected_at == datetime.fromisoformat(raw["_time"])
    assert alert.first_seen_at == datetime.fromtimestamp(int(raw["orig_time"]), UTC)
    assert (alert.severity, alert.severity_raw, alert.status) == (0, raw["urgency"], raw["status_label"])
    assert [one.fqdn for one in alert.devices] == [raw["dest"]]  # what is masked by x reads as a name
    assert [(one.login, one.role) for one in alert.people] == [(raw["src_user"], "actor"), (raw["user"], "target")]
    assert {raw["user"], raw["src_user"], raw["dest"]} == {one.value for one in alert.observables}
    assert (alert.flow, alert.attack) == (None, ())
    assert [problem.field for problem in alert.problems] == ["risk_score"]
