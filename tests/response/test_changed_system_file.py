"""The fourth story of the practice range, from the alert to the devices with a variant or a file of the kit."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.utils import timezone

from cases.models import Case, CaseDevice, Evidence
from cases.services import observables
from cases.services import shipped as kinds
from response.actions.base import actions
from response.choices import StepState
from response.models import HuntAsk, HuntHit, Run, StepRun
from response.services import decisions, drills, hunt_asks, invariants, runbooks, runs, shipped, steps
from secops import integrations
from secops.models import User
from secops.practice.products import cape, grr_flows
from tests.cases.messages import send
from tests.response.conftest import CONFIRM, ISOLATE, begin, make_due, make_runbook, say_yes, settle_down, step_of
from tests.secops.connectors.conftest import Range, practice

__all__ = ["practice"]


@pytest.fixture
def house(practice: Range, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None) -> Range:
    """The range's EDR, agent, sandbox, hunting and logs, without the times that they take."""
    settings.DATA_DIR = tmp_path
    settings.NIGHTDESK_INTERNAL_HOSTS = (practice.base.removeprefix("http://"),)
    for name in ("REPORT_SECONDS", "RUNNING_SECONDS", "PENDING_SECONDS"):
        monkeypatch.setattr(cape, name, 0.0)
    monkeypatch.setattr(grr_flows, "BYTES_PER_SECOND", 64 << 20)
    monkeypatch.setattr(grr_flows, "CALLS_AFTER", 0.1)
    base, keys = practice.base, practice.keys
    secret = {"client_secret": keys["client_secret"]}
    defender = integrations.add("defender", "Defender", practice.entra | {"api_url": f"{base}/defender"}, secret)
    drills.record_simulated(defender, actions["isolate_device"], timezone.now())
    integrations.add("microsoft-graph", "Graph", practice.entra | {"api_url": f"{base}/graph"}, secret)
    integrations.add("logs", "Logs", {"path": str(practice.folder.parent / "logs")})
    grr = {"url": f"{base}/grr", "username": keys["grr_user"]}
    integrations.add("grr", "GRR", grr, {"password": keys["grr_password"]})
    box = {"url": f"{base}/cape", "calls_per_minute": 120}
    integrations.add("cape", "CAPE", box, {"token": keys["cape_token"]})
    kinds.install()
    make_runbook(CONFIRM, ISOLATE, slug="contain-device")  # a short one in the place of the shipped
    shipped.install()
    return practice


def alerted(practice: Range, analyst: User) -> tuple[Case, Run]:
    """The case that the EDR's alert opens, and the run of what its kind suggests."""
    send(json.loads((practice.folder / "alerts/4-system-file.json").read_text()), detector="microsoft-graph-alerts-v2")
    case = Case.objects.get()
    assert case.kind is not None
    assert case.kind.slug == "changed-system-file"
    version = runbooks.offered(case)[0]
    assert version.runbook.slug == "changed-system-file"
    return case, runs.escalate_and_start(version.pk, case.pk, request_id=uuid4(), actor=analyst)


def go_on(is_there: Any) -> None:
    """Until it is; the range takes parts of a second, and its limits of calls a minute are real ones."""
    ends = time.monotonic() + 100
    while time.monotonic() < ends:
        make_due()
        HuntAsk.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))
        hunt_asks.work()
        steps.work()
        settle_down(3)
        if is_there():
            return
        time.sleep(0.2)
    raise AssertionError(list(StepRun.objects.order_by("pk").values_list("key", "state", "reason", "result")))


@pytest.mark.slow
def test_a_changed_system_file_leads_to_its_variant_and_its_kit(house: Range, analyst: User, responder: User) -> None:
    truth = house.story("system_file")
    case, run = alerted(house, analyst)
    go_on(lambda: step_of(run, "fetch").state == StepState.WAITING)
    assert step_of(run, "fetch").params["path"].lower() == truth["path"].lower()  # a person reads it first
    say_yes(step_of(run, "fetch"), responder)
    hunted = StepRun.objects.filter(run=run, action="hunt", state=StepState.SUCCEEDED)
    asked = StepRun.objects.filter(action="isolate_device", state=StepState.WAITING)
    go_on(lambda: (hunted.count(), asked.count()) == (3, 3))

    assert Evidence.objects.get().sha256 == truth["sha256"]
    assert step_of(run, "same").result.startswith("Found on no other device")
    sandbox = step_of(run, "sandbox").data
    assert sandbox["is_malicious"]
    assert {"kind": "similar", "value": f"{truth['tlsh']} 50"} in sandbox["similar"]
    assert [one["device"] for one in step_of(run, "kit").data["hits"]] == [
        *sorted((truth["kit_device"], truth["variant_device"]))
    ]
    near = HuntHit.objects.get(name=truth["variant_device"], detail__startswith="TLSH distance")
    assert near.detail == f"TLSH distance 31, at most 50 was wanted; SHA-256 {truth['variant_sha256']}"
    refused = HuntAsk.objects.filter(hunt__step__key="kit", source="Graph", state="refused")
    assert {"TLSH" in one.reason for one in refused} == {True}
    assert [one["device"] for one in step_of(run, "traces").data["hits"]] == [truth["kit_device"]]

    for step in asked:
        say_yes(step, responder)
    go_on(lambda: CaseDevice.objects.filter(case=case, state="isolated").count() == 3)
    isolated = CaseDevice.objects.filter(case=case, state="isolated").values_list("device__name", flat=True)
    assert set(isolated) == {truth["device"], truth["variant_device"], truth["kit_device"]}
    assert Run.objects.filter(parent=run).count() == 3
    assert step_of(run, "next").state == StepState.WAITING
    assert invariants.broken() == {}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("c:\\windows\\system32\\wkslib.dll", "changed-system-file"),
        ("/usr/bin/ssh", "changed-system-file"),
        ("/home/ada/notes.txt", "default"),
    ],
)
def test_an_integrity_monitor_s_alert_is_of_the_kind_when_the_file_is_the_system_s(
    path: str, kind: str, db: None
) -> None:
    kinds.install()
    rule = {"level": 7, "id": "550", "description": "Integrity checksum changed.", "groups": ["ossec", "syscheck"]}
    told = {"timestamp": "2026-11-24T10:00:00.000+0000", "rule": rule, "manager": {"name": "m"}, "id": "1.2"}
    seen = {"path": path, "event": "modified", "sha256_after": "ab" * 32}
    send(told | {"agent": {"id": "034", "name": "OPS-1"}, "syscheck": seen}, detector="wazuh")
    found = Case.objects.get().kind
    assert found is not None
    assert found.slug == kind


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ([], "path: No alert of the case names the file. Acquire it by itself, by its path."),
        (["C:\\Users\\a\\writer.exe", "C:\\Windows\\System32\\wkslib.dll"], ""),
    ],
)
def test_which_file_is_fetched_is_never_guessed(paths: list[str], said: str, case: Case, analyst: User) -> None:
    text = yaml.safe_load((shipped.FOLDER / "changed-system-file.yaml").read_text())
    which, fetch = ({"key": one["key"]} | one for one in text["steps"] if one["key"] in {"which", "fetch"})
    for path in paths:
        observables.attach(case.pk, "file_path", path, "file")

    run = begin(case, analyst, which, fetch)

    if said:
        assert step_of(run, "which").state == StepState.SKIPPED
        assert (step_of(run, "fetch").state, step_of(run, "fetch").reason) == (StepState.FAILED, said)
        return
    assert step_of(run, "which").params["choices"] == paths[::-1]  # that of the system first
    decisions.answer(step_of(run, "which").pk, paths[1], actor=analyst)
    settle_down(3)
    assert step_of(run, "fetch").params["path"] == paths[1]
