"""A hunt against the practice range itself: its hunting over HTTP and its log files, through the engine."""

from datetime import timedelta
from typing import Any

import pytest

from cases.choices import DeviceReason
from cases.models import Case, CaseDevice, Device
from response.models import Hunt, HuntAsk, HuntHit
from secops import integrations
from secops.models import User
from tests.response.conftest import begin, step_of
from tests.response.test_hunts import hunt_on
from tests.secops.connectors.conftest import Range, practice

__all__ = ["practice"]

RULE = (
    "title: Run key to ProgramData\nlogsource: {category: registry_set, product: windows}\ndetection:\n"
    "  s: {TargetObject|contains: '\\CurrentVersion\\Run\\', Details|contains: '\\ProgramData\\'}\n  condition: s\n"
)


@pytest.fixture
def attached_range(practice: Range, settings: Any, db: None) -> Range:
    settings.NIGHTDESK_INTERNAL_HOSTS = (practice.base.removeprefix("http://"),)
    settings.NIGHTDESK_HUNT_DEVICES = 100_000
    values = practice.entra | {"api_url": f"{practice.base}/graph"}
    integrations.add("microsoft-graph", "Graph", values, {"client_secret": practice.keys["client_secret"]})
    integrations.add("logs", "Logs", {"path": str(practice.folder.parent / "logs")})
    return practice


@pytest.mark.slow
def test_the_copy_on_the_second_laptop_and_the_run_key_are_found(
    attached_range: Range, case: Case, analyst: User
) -> None:
    story = attached_range.story("bad_address")
    Device.objects.filter(name="FIN-LT-0142").update(agent_id="")  # known by its name until a source says more
    clauses = [
        {"kind": "sha256", "value": story["sha256"]},
        {"kind": "domain", "value": "cdn-metrics.example"},
        {"kind": "sigma", "value": RULE},
    ]

    run = begin(case, analyst, {"key": "hunt", "action": "hunt", "params": {"clauses": clauses, "days": 90}})
    hunt_on(60)

    hunt = Hunt.objects.get()
    assert hunt.devices
    assert hunt.devices >= 30
    step = step_of(run, "hunt")
    assert step.result.startswith("Found on 2 other devices, not contained: ENG-WS-0210, FIN-LT-0150"), step.result
    assert [one["device"] for one in step.data["hits"]] == ["ENG-WS-0210", "FIN-LT-0150"]
    joined = CaseDevice.objects.filter(case=case, reason=DeviceReason.HUNT)
    assert set(joined.values_list("device__name", flat=True)) == {"ENG-WS-0210", "FIN-LT-0150"}
    said_by = set(HuntHit.objects.filter(device__name="FIN-LT-0150").values_list("source", flat=True))
    assert "Graph" in said_by
    graph = HuntAsk.objects.filter(source="Graph", state="answered").first()
    assert graph is not None
    assert graph.covers_from is not None
    assert hunt.start_at + timedelta(days=55) < graph.covers_from
