"""A hunt by hand: asked for in a form, renewing itself while sources answer, hits answered from its page."""

import pytest

from cases.choices import Stage
from cases.models import CaseDevice, CaseObservable
from response.models import Hunt, KindRunbook, Run
from response.services import hunt_asks, steps
from secops.connectors.capabilities.errors import SourceRefused
from tests.browser.conftest import OpenPage
from tests.factories import make_case, make_device, make_kind, make_observable, make_user
from tests.response.conftest import make_runbook
from tests.response.test_hunts import Field, field, hit, hunt_on

__all__ = ["field"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.slow
def test_a_hunt_goes_from_its_form_to_runs_for_its_hits(
    open_page: OpenPage, transactional_db: None, field: Field
) -> None:
    ana = make_user("ana", ["analyst"], first_name="Ana", last_name="Lyst")
    kind = make_kind()
    case = make_case(title="Beacon to cdn-metrics.example", stage=Stage.RESPONSE, kind=kind)
    CaseDevice.objects.create(case=case, device=make_device("FIN-LT-0142"))
    version = make_runbook({"key": "ask", "action": "ask_person", "params": {"question": "?", "choices": ["Go", "No"]}})
    KindRunbook.objects.create(kind=kind, runbook=version.runbook)
    for value, sort, verdict in (("updater.exe", "file_name", "malicious"), ("203.0.113.44", "ip", "")):
        seen = make_observable(value, sort, verdict=verdict)
        CaseObservable.objects.create(case=case, observable=seen, role="file", first_seen_at=case.opened_at)
    field.hits = [
        hit(
            "FIN-LT-0150",
            what="C:\\Users\\d.lima\\Downloads\\updater.exe",
            has_run=True,
            detail="updater.exe /background",
        ),
        hit("FIN-LT-0142", what="C:\\Users\\m.okafor\\AppData\\Local\\OneDriveSync\\updater.exe"),
    ]
    field.wrong["test_hunt_two"] = [SourceRefused("The log files' events about files never say sha256.")]

    page = open_page(ana, f"/cases/{case.number}/")
    page.click(".tabs a:has-text('Hunts')")
    page.click("a:has-text('Hunt…')")
    page.check("label:has-text('updater.exe') input")
    page.click("button:has-text('Start hunt')")
    steps.work()
    page.goto("/hunts/")
    page.click("a:has-text('File name updater.exe')")
    page.wait_for_selector("text=0 of 2 sources answered")
    while hunt_asks.ask_one():
        pass
    page.wait_for_selector("text=2 of 2 sources answered, 1 hit")
    narrow = open_page(ana, page.url, width=390)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 390
    hunt_on()
    page.click("button:has-text('Start for the chosen devices')")
    page.wait_for_url(f"**/cases/{case.number}/")
    hunt_on()

    assert Hunt.objects.get().found.count() == 4  # each source said both
    assert [one.device.name for one in Run.objects.exclude(device=None).select_related("device") if one.device] == [
        "FIN-LT-0150"
    ]
