"""Okta against the real samples."""

import json
from datetime import datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder


@needs_samples
def test_each_event():
    checked = 0
    for name, found in read_folder("okta").items():
        sent = [json.loads(line) for line in (SAMPLES / "okta" / name).read_text().splitlines()]
        assert len(found) == len(sent)
        for (detector, alert), raw in zip(found, sent, strict=True):
            checked += 1
            user, client = raw["actor"]["alternateId"], raw["client"]
            values = {(one.kind, one.value) for one in alert.observables}
            assert detector.slug == "okta"
            assert alert.title == raw.get("displaymessage", raw["eventtype"])
            assert (alert.rule_id, alert.source_ref) == (raw["eventtype"], raw["uuid"])
            assert alert.detected_at == datetime.fromisoformat(raw["published"] + "+00:00")
            assert alert.severity == {"INFO": 0, "WARN": 2}[raw["severity"]]
            assert [(one.upn, one.role) for one in alert.people] == [(user, "actor")]
            assert [one.address for one in alert.devices] == [client["ipAddress"]]
            assert alert.flow.src_ip == client["ipAddress"]
            assert {("ip", client["ipAddress"]), ("user", user)} <= values
            assert ("user_agent", client["userAgent"]["rawUserAgent"]) in values
            if "asNumber" in raw["securitycontext"]:
                assert ("asn", str(raw["securitycontext"]["asNumber"])) in values
            if reported := raw["debugcontext"]["debugData"].get("suspiciousActivityEventIp"):
                (seen,) = [one for one in alert.observables if one.value == reported]
                assert (seen.kind, seen.tags) == ("ip", ("suspicious",))
    assert checked == 2
