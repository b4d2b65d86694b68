"""Windows events in XML beside the repository, read here by expressions and not by a parser."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from tests.cases.intake.detectors.common import SAMPLES, needs_samples, read_folder

pytestmark = needs_samples
VALUES = (
    "Image",
    "CommandLine",
    "TargetFilename",
    "QueryName",
    "DestinationIp",
    "NewProcessName",
    "ObjectName",
    "DeviceId",
)
MACHINES = {"SYSTEM", "ANONYMOUS LOGON", "-", ""}


def _first(text, expression):
    found = re.search(expression, text)
    return unescape(found.group(1)) if found else ""


@pytest.mark.parametrize(("slug", "count"), [("windows-events-xml", 11), ("usb", 1)])
def test_windows_xml(slug, count):
    folder = read_folder(slug)

    assert len(folder) == count
    for name, ((detector, alert),) in folder.items():
        text = (SAMPLES / slug / name).read_text()
        data = {
            key: unescape(value) for key, value in re.findall(r"<Data Name=['\"]([^'\"]+)['\"]>([^<]*)</Data>", text)
        }
        computer, channel = _first(text, r"<Computer>([^<]+)"), _first(text, r"<Channel>([^<]+)")
        assert detector.slug == "windows-events"
        assert alert.title
        assert "{" not in alert.title
        number = _first(text, r"<EventID[^>]*>(\d+)")
        assert alert.rule_id == f"{_first(text, r'<Provider Name=.([^\x27\x22]+)')}:{number}"
        assert alert.source_ref == f"{computer}/{channel}/{_first(text, r'<EventRecordID>(\d+)')}"
        moment = datetime.strptime(_first(text, r"SystemTime=.([0-9T:.-]{26})"), "%Y-%m-%dT%H:%M:%S.%f").replace(
            tzinfo=UTC
        )
        assert alert.detected_at == moment
        assert [one.name for one in alert.devices] == [computer.partition(".")[0]]
        logins = {one.login for one in alert.people}
        for key in ("User", "SubjectUserName"):
            user = data.get(key, "").rpartition("\\")[2]
            assert user in MACHINES or user.endswith("$") or user.lower() in logins
        values = [one.value for one in alert.observables]
        assert {data[key].strip() for key in VALUES if data.get(key)} <= set(values)
        assert all(digest.lower() in values for digest in re.findall(r"(?:MD5|SHA256|SHA1)=([0-9A-F]+)", text))
        is_cut = "</Event>" not in text
        assert [problem.field for problem in alert.problems] == ["Event.EventData"] * is_cut
