"""The real samples beside the repository: what `auto` makes of each file of a folder."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cases.intake.base import Detector, IgnoredError, NormalAlert
from cases.intake.read import read_with
from cases.intake.split import stream

SAMPLES = Path(__file__).parents[4] / "../shared/data/alerts"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="no samples beside the repository")


def read_folder(slug: str, choice: str = "auto") -> dict[str, list[tuple[type[Detector], NormalAlert]]]:
    """By file name: the detector and the alert of each message that is one; what is rejected raises."""
    found: dict[str, list[tuple[type[Detector], NormalAlert]]] = {}
    for path in sorted((SAMPLES / slug).iterdir()):
        alerts = found.setdefault(path.name, [])
        with path.open("rb") as file:
            for message in stream(file):
                try:
                    alerts += read_with(message, choice, NOW)
                except IgnoredError:
                    continue
    return found
