"""Security Hub findings against the real samples."""

import json
from datetime import datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

SLASHES = "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4"


def _remote(raw):
    if "Action" in raw:
        return raw["Action"]["AwsApiCallAction"]["RemoteIpDetails"]["IpAddressV4"]
    return raw["ProductFields"][SLASHES]


def _moment(text):
    return datetime.fromisoformat(text if text.endswith("Z") else f"{text[:26]}+00:00")


@needs_samples
def test_each_finding():
    checked = 0
    for name, ((detector, alert),) in read_folder("aws-securityhub-asff").items():
        checked += 1
        raw = json.loads((SAMPLES / "aws-securityhub-asff" / name).read_text())
        values = {one.value for one in alert.observables}
        kinds = {one["Type"]: one for one in raw["Resources"]}
        key = kinds["AwsIamAccessKey"]["Details"]["AwsIamAccessKey"]
        assert detector.slug == "aws-securityhub-asff"
        assert (alert.title, alert.description) == (raw["Title"], raw["Description"])
        assert (alert.rule_id, alert.rule_name) == (raw["GeneratorId"], raw["Types"][0])
        assert alert.source_ref == raw["Id"]
        assert alert.detected_at == _moment(raw["CreatedAt"])
        assert alert.severity == {"LOW": 1, "HIGH": 3}[raw["Severity"]["Label"]]
        assert (alert.severity_raw, alert.status) == (raw["Severity"]["Label"], "NEW")
        assert alert.flow.src_ip == _remote(raw)
        assert _remote(raw) in values
        assert {one["Id"] for one in raw["Resources"]} <= values
        if "AwsEc2Instance" in kinds:
            assert [one.name for one in alert.devices] == [kinds["AwsEc2Instance"]["Id"].rpartition("/")[2]]
            assert alert.devices[0].address == kinds["AwsEc2Instance"]["Details"]["AwsEc2Instance"]["IpV4Addresses"][0]
            assert [one.login for one in alert.people] == [key["PrincipalName"].lower()]
            assert (alert.url, alert.tags[0]) == (raw["SourceUrl"], "sample")
            assert alert.first_seen_at == _moment(raw["FirstObservedAt"])
        else:
            assert alert.devices == ()  # the caller stands outside
            assert [one.login for one in alert.people] == [key["PrincipalId"].partition(":")[2]]
            assert key["SessionContext"]["SessionIssuer"]["UserName"] in values
            assert any(one.kind == "user_agent" for one in alert.observables)
    assert checked == 2
