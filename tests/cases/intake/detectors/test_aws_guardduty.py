"""GuardDuty against the real samples."""

import json
from datetime import datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder


@needs_samples
def test_each_finding():
    checked = 0
    for name, found in read_folder("aws-guardduty").items():
        sent = json.loads((SAMPLES / "aws-guardduty" / name).read_text())["Findings"]
        assert len(found) == len(sent)
        for (detector, alert), raw in zip(found, sent, strict=True):
            checked += 1
            instance, service = raw["Resource"]["InstanceDetails"], raw["Service"]
            seen = service["Action"]["NetworkConnectionAction"]
            remote = seen["RemoteIpDetails"]["IpAddressV4"]
            assert detector.slug == "aws-guardduty"
            assert (alert.title, alert.rule_id, alert.source_ref) == (raw["Title"], raw["Type"], raw["Arn"])
            assert alert.description == raw["Description"]
            assert (alert.severity, alert.severity_raw) == (1, str(raw["Severity"]))
            assert alert.detected_at == datetime.fromisoformat(raw["CreatedAt"])
            assert alert.first_seen_at == datetime.fromisoformat(service["EventFirstSeen"])
            assert alert.last_seen_at == datetime.fromisoformat(service["EventLastSeen"])
            assert alert.count == service["Count"]
            assert [one.name for one in alert.devices] == [instance["InstanceId"]]
            assert alert.devices[0].address == instance["NetworkInterfaces"][0]["PrivateIpAddress"]
            assert alert.people == ()
            assert (alert.flow.src_ip, alert.flow.src_port) == (remote, seen["RemotePortDetails"]["Port"])
            assert alert.flow.dst_ip == seen["LocalIpDetails"]["IpAddressV4"]
            assert alert.flow.dst_port == seen["LocalPortDetails"]["Port"]
            assert remote in [one.value for one in alert.observables]
    assert checked == 1
