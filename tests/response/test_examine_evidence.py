"""A runbook opens the images by itself: the tools read them, and the step waits for what they say."""

from pathlib import Path
from typing import Any

import pytest

from cases.models import Case, Evidence, TimelineEntry
from enrichment.services import examinations
from response.choices import StepState
from secops.models import User
from tests.cases.evidence.conftest import take
from tests.enrichment.forensics import material
from tests.response.conftest import begin, settle_down, step_of

EXAMINE = {"key": "open", "action": "examine_evidence", "title": "Open the image with forensic tools", "params": {}}


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def test_the_step_waits_for_the_tools_and_says_what_they_found(
    world: Any, case: Case, analyst: User, tmp_path: Path
) -> None:
    take(case, material.disk(tmp_path).read_bytes(), kind="disk")
    take(case, b"\0" * 5_000, kind="disk")
    take(case, b"a document", kind="document")

    run = begin(case, analyst, EXAMINE)
    settle_down(3)
    waiting = step_of(run, "open")
    examinations.carry_out_due()
    settle_down()
    step = step_of(run, "open")

    assert waiting.state == StepState.POLLING
    assert step.state == StepState.SUCCEEDED
    assert step.result.startswith(
        "E-1: 2 to look at, 1 recovered; E-2 could not be read: The Sleuth Kit cannot read it"
    )
    assert (step.data["recovered"], step.data["failed"]) == (["E-1.1"], ["E-2"])
    assert Evidence.objects.filter(original__isnull=False).count() == 1
    assert TimelineEntry.objects.filter(case=case, kind="attacker").exists()


def test_without_evidence_the_step_fails_in_words(world: Any, case: Case, analyst: User) -> None:
    run = begin(case, analyst, EXAMINE)
    settle_down()

    step = step_of(run, "open")
    assert step.state == StepState.FAILED
    assert "has no image, memory, capture or triage package to read" in step.reason
