"""MISP events beside the repository."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples
LEVELS = {"1": 3, "2": 2, "3": 1, "4": 2}
NAMING = {"md5", "sha1", "sha256", "filename", "domain", "ip-src", "ip-dst", "url"}


def _raw(name):
    found = json.loads((SAMPLES / "misp" / name).read_text())
    return found["response"][0] if "response" in found else found


def test_misp():
    folder = read_folder("misp")
    # A SOAR put this event into an envelope of its own, which the generic reader takes.
    ((other, _),) = folder.pop("event-rest-api.json")

    assert other.slug == "generic"
    assert len(folder) == 2
    for name, ((detector, alert),) in folder.items():
        raw = _raw(name)
        assert detector.slug == "misp"
        assert (alert.title, alert.source_ref) == (raw["info"], raw["uuid"])
        assert (alert.rule_id, alert.rule_name) == (raw["Orgc"]["uuid"], raw["Orgc"]["name"])
        assert alert.detected_at == datetime.fromtimestamp(int(raw["timestamp"]), UTC)
        assert alert.severity == LEVELS[raw["threat_level_id"]]
        assert (alert.devices, alert.people) == ((), ())
        sent = [*raw["Attribute"], *(one for thing in raw["Object"] for one in thing["Attribute"])]
        wanted = {one["value"]: one["to_ids"] for one in sent if one["type"] in NAMING}
        for one in sent:
            if one["type"] == "malware-sample":
                wanted |= dict.fromkeys(one["value"].split("|"), one["to_ids"])
        assert {one.value for one in alert.observables} == set(wanted)
        assert {one.value for one in alert.observables if one.is_indicator} == {
            value for value, is_indicator in wanted.items() if is_indicator
        }
