"""osquery against the real samples."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder


@needs_samples
def test_each_result():
    checked = 0
    for name, ((detector, alert),) in read_folder("osquery").items():
        checked += 1
        raw = json.loads((SAMPLES / "osquery" / name).read_text())
        columns = raw["columns"]
        values = {(one.kind, one.value) for one in alert.observables}
        assert detector.slug == "osquery"
        assert (alert.title, alert.rule_id) == (raw["name"], raw["name"])
        assert alert.detected_at == datetime.fromtimestamp(int(raw["unixTime"]), UTC)
        assert len(alert.source_ref) == 64
        assert [one.fqdn for one in alert.devices] == [raw["hostIdentifier"].lower()]
        assert [one.login for one in alert.people] == ([columns["username"]] if "username" in columns else [])
        assert ("cdhash" in columns) == ("username" in columns)
        if "cmdline" in columns:
            assert {
                ("command_line", columns["cmdline"].strip()),
                ("process", columns["path"]),
                ("user", columns["username"]),
            } <= values
            assert columns["cdhash"] not in {value for _, value in values}
        assert alert.tags == (raw["action"],)
    assert checked == 2
