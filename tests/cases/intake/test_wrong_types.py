"""Each value of a payload in turn replaced by one of another type: a detector repairs, drops or refuses by name."""

from datetime import UTC, datetime

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read
from tests.cases.intake import (
    test_aws_guardduty,
    test_aws_securityhub_asff,
    test_entra_signin,
    test_falco,
    test_google_scc,
    test_ocsf_detection_finding,
    test_okta,
    test_osquery,
    test_thehive,
    test_zeek,
)

NOW = datetime(2026, 11, 2, tzinfo=UTC)
PAYLOADS = {
    "aws-guardduty": test_aws_guardduty.FINDING,
    "aws-securityhub-asff": test_aws_securityhub_asff.FINDING,
    "entra-signin": test_entra_signin.EXPORT,
    "falco": test_falco.ALERT,
    "google-scc": test_google_scc.NOTICE,
    "ocsf-detection-finding": test_ocsf_detection_finding.FINDING,
    "okta": test_okta.EVENT,
    "osquery": test_osquery.RESULT,
    "thehive": test_thehive.WHOLE,
    "thehive-v0": test_thehive.WAZUH,
    "zeek": test_zeek.NOTICE,
}
WRONG = (None, True, -1, 1e300, 10**300, "", "{", "http://[", "=,->:", [], [None, [{}]], {}, {"a": {"b": [1]}})


def places(value, place=()):
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*place, key)
        if isinstance(child, dict | list):
            yield from places(child, (*place, key))


def replaced(value, place, wrong):
    if not place:
        return wrong
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], wrong)
    return copy


@pytest.mark.parametrize("slug", PAYLOADS)
def test_a_value_of_another_type_never_breaks_a_detector(slug):
    read_well = 0
    for place in places(PAYLOADS[slug]):
        for wrong in WRONG:
            try:
                (alert,) = read(replaced(PAYLOADS[slug], place, wrong), slug, NOW)
            except (RejectedError, IgnoredError):
                continue
            else:
                read_well += 1
                assert 0 < len(alert.title) <= 300
                assert 0 < len(alert.source_ref) <= 255
                assert 0 <= alert.severity <= 4
    assert read_well > len(WRONG)
