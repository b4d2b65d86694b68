"""Entra sign-ins against the real samples."""

import json
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder


def _moment(text):
    """Seven or nine digits of a fraction, with a zone or none; all of them are UTC."""
    whole, _, fraction = text.replace("T", " ").removesuffix("+00:00").partition(".")
    return datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC, microsecond=int(fraction[:6]))


@needs_samples
def test_each_sign_in():
    checked = 0
    for name, ((detector, alert),) in read_folder("entra-signin").items():
        checked += 1
        sent = json.loads((SAMPLES / "entra-signin" / name).read_text())
        outer = {key.lower(): value for key, value in sent.items()}
        inner = outer["properties"]
        values = {(one.kind, one.value) for one in alert.observables}
        assert detector.slug == "entra-signin"
        assert alert.title == outer.get("resultdescription", outer["operationname"])
        assert (alert.rule_id, alert.source_ref) == (outer["operationname"], inner["id"])
        assert alert.detected_at == _moment(inner["createdDateTime"])
        assert (alert.severity, alert.severity_raw) == (0, inner["riskLevelDuringSignIn"])
        assert alert.action == ("allowed" if inner["status"]["errorCode"] == 0 else "unknown")
        (person,) = alert.people
        assert (person.upn, person.directory_id) == (inner["userPrincipalName"], inner["userId"])
        (device,) = alert.devices
        assert (device.address, device.os) == (inner["ipAddress"], inner["deviceDetail"]["operatingSystem"])
        assert device.directory_id == inner["deviceDetail"]["deviceId"] == ""
        assert alert.flow.src_ip == inner["ipAddress"]
        assert {
            ("ip", inner["ipAddress"]),
            ("ip", outer["calleripaddress"]),
            ("asn", str(inner["autonomousSystemNumber"])),
            ("user_agent", inner["userAgent"]),
            ("user", inner["userPrincipalName"]),
        } <= values
        (seen,) = [one for one in alert.observables if one.value == inner["ipAddress"]]
        assert seen.note.endswith(inner["location"]["countryOrRegion"])
    assert checked == 2
