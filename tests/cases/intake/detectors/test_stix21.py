"""STIX bundles beside the repository, their patterns read by a splitting of our own."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples
SUBJECTS = ("report", "grouping", "indicator", "infrastructure")


def _compared(pattern):
    """`'value'` after each ` = `; the patterns here hold no escaped quotes."""
    return [part.partition("'")[2].partition("'")[0] for part in pattern.split(" = ")[1:]]


def test_stix21():
    folder = read_folder("stix21")

    assert len(folder) == 5
    for name, ((detector, alert),) in folder.items():
        things = json.loads((SAMPLES / "stix21" / name).read_text())["objects"]
        subject = next(one for kind in SUBJECTS for one in things if one["type"] == kind)
        assert detector.slug == "stix21"
        assert (alert.title, alert.source_ref) == (subject["name"], subject["id"])
        moment = datetime.strptime(subject["modified"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        assert alert.detected_at == moment
        assert (alert.devices, alert.people, alert.flow) == ((), (), None)
        if subject["type"] == "indicator":
            assert (alert.rule_id, alert.rule_name) == (subject["id"], subject["name"])
            assert subject["pattern"] in alert.description
        indicated = {value for one in things for value in _compared(one.get("pattern", "")) if " " not in value}
        simple = {one["value"] for one in things if one["type"] in {"ipv4-addr", "domain-name"}}
        simple |= {str(one["number"]) for one in things if one["type"] == "autonomous-system"}
        simple |= {one["name"] for one in things if one["type"] == "vulnerability"}
        assert {one.value for one in alert.observables if one.is_indicator} == indicated
        assert {one.value for one in alert.observables} == indicated | simple
