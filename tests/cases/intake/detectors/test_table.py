"""Every real sample through `auto`: which detector took it, as a table after the tests."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cases.intake.base import IgnoredError, RejectedError
from cases.intake.read import read_with
from cases.intake.split import stream
from tests.cases.intake.detectors.common import NOW, SAMPLES
from tests.cases.intake.detectors.printed import ROW

NOT_ALERTS = "thehive"  # recorded requests of its API
BROKEN = "suricata/broken.txt"
OTHER_NAMES = {"windows-events-xml": "windows-events", "usb": "windows-events"}
WITHOUT_A_MODULE = frozenset(
    {"aws-macie", "code42-dlp", "cybereason", "proofpoint-tap", "recorded-future", "socradar", "sophos-central"}
    | {"sublime", "thinkst-canary", "trellix-hx", "trend-vision-one", "wiz"}
)
GUESSED = frozenset(  # of a product with a module, but another message: fields are guessed, and it says so
    {
        "google-scc/legacy-log-entry.json",  # without a time
        "misp/event-rest-api.json",  # inside a SOAR's envelope
        "cef/fireeye.txt",  # lines beside those of CEF
    }
)
FILES = sorted(
    path
    for path in SAMPLES.rglob("*")
    if path.is_file() and path.name != "FIELDS.md" and path.relative_to(SAMPLES).parts[0] != NOT_ALERTS
)


@pytest.mark.skipif(not FILES, reason="no samples beside the repository")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SAMPLES).as_posix())
def test_auto_names_its_detector(path: Path, record_property: Any) -> None:
    name = path.relative_to(SAMPLES).as_posix()
    folder = name.partition("/")[0]
    chosen: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    with path.open("rb") as file:
        for message in stream(file):
            try:
                found = read_with(message, "auto", NOW)
            except IgnoredError:
                ends["no alerts"] += 1
            except RejectedError:
                ends["rejected"] += 1
            else:
                chosen.update(detector.slug for detector, _ in found)
    record_property(ROW, (name, dict(chosen), dict(ends)))

    own = "generic" if folder in WITHOUT_A_MODULE else OTHER_NAMES.get(folder, folder)
    assert set(chosen) <= {own} | ({"generic"} if name in GUESSED else set())
    assert chosen or ends["no alerts"]
    assert ends["rejected"] == (name == BROKEN)
