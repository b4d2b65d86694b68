"""Lines of CEF and LEEF beside the repository, by expressions of our own."""

import re
from datetime import UTC, datetime

from tests.cases.intake.detectors.common import NOW, SAMPLES, needs_samples, read_folder

pytestmark = needs_samples
CEF_TIMES = ("%b %d %Y %H:%M:%S UTC", "%b %d %Y %H:%M:%S GMT", "%d %B %Y %H:%M:%S")


def _lines(folder, mark):
    for path in sorted((SAMPLES / folder).iterdir()):
        for line in path.read_text().splitlines():
            if mark in line:
                yield line[line.index(mark) :]


def _value(line, key):
    """The value of a key up to the next one."""
    found = re.search(rf"[ |\t]{key}=(.*?)(?=[ \t]\w+=|\t|#011|$)", line)
    return found.group(1).strip() if found else ""


def _moment(text):
    for form in CEF_TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def test_cef():
    lines = list(_lines("cef", "CEF:"))
    found = [pair for pairs in read_folder("cef").values() for pair in pairs]
    alerts = [alert for detector, alert in found if detector.slug == "cef"]

    assert len(lines) == len(alerts) == 9
    assert [detector.slug for detector, _ in found if detector.slug != "cef"] == ["generic"] * 2  # no CEF in them
    for line, alert in zip(lines, alerts, strict=True):
        _, vendor, product, _, signature, name, severity = line.split("|")[:7]
        assert alert.title == (name or signature)
        assert alert.rule_id == f"{vendor}/{product}/{signature}"
        assert alert.severity == {"1": 1, "5": 2, "High": 3}[severity]
        assert alert.detected_at == _moment(_value(line, "rt")) or not _value(line, "rt")
        assert not _value(line, "externalId") or alert.source_ref.endswith("/" + _value(line, "externalId"))
        source = _value(line, "src")
        assert (alert.flow.src_ip if alert.flow else "") == source
        assert [one.address for one in alert.devices] == [source or alert.devices[0].address]
        host = _value(line, "shost")
        assert host in {"", alert.devices[0].fqdn, alert.devices[0].address}
        assert [one.login for one in alert.people] == [user for user in [_value(line, "suser")] if user]
        values = [one.value for one in alert.observables]
        for value in (source, _value(line, "dst"), _value(line, "smac"), _value(line, "dmac")):
            assert not value or value in values
        if "cncHost" in line:
            assert _value(line, "cs5") in values
    assert len({alert.source_ref for alert in alerts}) == 7  # one of FireEye was sent three times
    assert alerts[0].detected_at == datetime(2026, 3, 21, 14, 5, 2, tzinfo=UTC)  # of syslog's header


def test_leef():
    lines = list(_lines("leef", "LEEF:"))
    found = [pair for pairs in read_folder("leef").values() for pair in pairs]

    assert len(lines) == len(found) == 3
    for line, (detector, alert) in zip(lines, found, strict=True):
        assert detector.slug == "leef"
        assert alert.title == _value(line, "name")
        assert alert.rule_id == "/".join(line.split("|")[part] for part in (1, 2, 4))
        assert alert.severity_raw == _value(line, "sev")
        assert alert.detected_at == NOW  # no time in any of them
        device = alert.devices[0]
        assert device.fqdn or device.address in {_value(line, "src"), _value(line, "dvc")}
        assert device.fqdn == _value(line, "dvchost")
        assert [one.login for one in alert.people] == [user for user in [_value(line, "suser")] if user]
        values = [one.value for one in alert.observables]
        assert all(digest.lower() in values for digest in re.findall(r"=([0-9A-F]{32,64})\b", line))
        assert _value(line, "filePath").replace("\\\\", "\\") in ["", *values]
