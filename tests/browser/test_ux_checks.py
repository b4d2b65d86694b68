"""What the interface promises, as its acceptance checks number it: a dead source, an approval, an isolation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from cases.choices import Stage
from cases.models import Case, CaseDevice, CaseObservable, Observable
from enrichment.models import KindQuestion, Lookup
from enrichment.services import lookups, planning
from response.models import Approval, Run, StepRun
from response.services import alone
from secops import integrations
from secops.models import User
from tests.browser.conftest import OpenPage
from tests.factories import make_case, make_device, make_kind, make_observable, make_user
from tests.response.conftest import ISOLATE, WORLD, World, begin, drilled, settle_down
from tests.secops.practice.conftest import Client, start_range

__all__ = ["start_range"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BAD, FINE, FILE = "203.0.113.9", "203.0.113.10", "cd" * 32  # to the range's VirusTotal


@pytest.fixture
def ana() -> User:
    return make_user("ana", ["analyst"], first_name="Ana", last_name="Lyst")


@pytest.fixture
def rosa() -> User:
    return make_user("rosa", ["responder"], first_name="Rosa", last_name="Ponder")


# --- 6: one source is down ----------------------------------------------------------------------------------------


@pytest.fixture
def practice(start_range: Callable[[], Client], settings: Any, tmp_path: Path, transactional_db: None) -> Client:
    """A range whose VirusTotal clears one address and whose registry refuses everybody; both asked over HTTP."""
    kept = tmp_path / "practice/company.json"
    company = json.loads(kept.read_text())
    clear = {"malicious": 0, "suspicious": 0, "harmless": 80, "undetected": 10}
    company["intel"]["ip"][FINE] = company["intel"]["file"][FILE] = {"last_analysis_stats": clear}
    kept.write_text(json.dumps(company))
    practice = start_range()
    practice.fault(prefix="/rdap", kind="status", status=503, count=2 * lookups.MOST_ATTEMPTS)
    settings.NIGHTDESK_INTERNAL_HOSTS = [practice.base.removeprefix("http://")]
    key = {"api_key": practice.credentials["virustotal_key"]}
    integrations.add("virustotal", "VirusTotal", {"url": f"{practice.base}/vt"}, key, max_tlp=4)
    integrations.add("rdap", "RDAP", {"url": f"{practice.base}/rdap"}, max_tlp=4)
    return practice


def asked_about(address: str) -> Case:
    kind = make_kind()
    for question in ("address_reputation", "address_registration", "file_reputation"):
        KindQuestion.objects.create(kind=kind, question=question)
    case = make_case(kind=kind, title=f"Calls {address}", is_planning_due=True)
    file = Observable.objects.filter(kind="hash_sha256").first() or make_observable(FILE, "hash_sha256")
    for seen in (make_observable(address), file):
        CaseObservable.objects.create(case=case, observable=seen, role="destination", first_seen_at=case.opened_at)
    planning.plan(case.pk)
    ask()
    return case


def ask() -> None:
    """Until every source has answered or was given up, skipping the waits between tries."""
    while lookups.work():
        Lookup.objects.filter(not_before__isnull=False).update(not_before=None)


def cards(page: Page, case: Case) -> dict[str, str]:
    page.goto(f"/cases/{case.number}/")
    page.wait_for_selector("#card-files footer")
    return {str(one.get_attribute("id")): one.inner_text() for one in page.locator(".qcard").all()}


@pytest.mark.slow
def test_06_a_source_that_is_down_is_named_and_hides_no_verdict(
    open_page: OpenPage, ana: User, practice: Client
) -> None:
    bad, fine = asked_about(BAD), asked_about(FINE)
    page = open_page(ana, "/queue/")

    for case, verdict in ((bad, "Malicious"), (fine, "Unknown")):
        found = cards(page, case)
        where = page.locator("#card-where")
        assert verdict in where.locator("header").inner_text()
        assert "Benign" not in where.locator("header").inner_text()
        assert where.locator("header use[href$='#g-mark']").count() == 1
        failed = where.locator(".fails")
        assert "RDAP failed:" in failed.inner_text()
        assert "503" in failed.inner_text()
        assert failed.get_by_role("button", name="Retry").is_visible()
        for name, text in found.items():
            assert name == "card-where" or "failed" not in text, name
        assert page.locator(".qcard header use[href$='#g-mark']").count() == 1
        assert "Benign" in found["card-files"]

        failed.get_by_role("button", name="Retry").click()
        page.wait_for_url(f"**/cases/{case.number}/")
        ask()
        after = cards(page, case)
        assert page.locator(".fails, .qcard header use[href$='#g-mark']").count() == 0
        assert "HOSTING" in after.pop("card-where")
        assert after.items() <= found.items()
    assert "Informational" in page.locator("#card-where header").inner_text()


# --- 7: approve on a phone ----------------------------------------------------------------------------------------


@pytest.fixture
def world(transactional_db: None) -> World:
    """A product that cuts devices off, and writes down what it was told."""
    WORLD.__init__()  # type: ignore[misc]
    drilled(integrations.add("test_edr", "Test EDR", {}))
    return WORLD


@pytest.fixture
def case(world: World) -> Case:
    """In response, with two devices."""
    case = make_case(stage=Stage.RESPONSE, title="Beacon from a Finance laptop")
    for name in ("FIN-LT-0142", "FIN-LT-0150"):
        CaseDevice.objects.create(case=case, device=make_device(name))
    return case


def test_07_approve_on_a_phone(open_page: OpenPage, ana: User, rosa: User, case: Case, world: World) -> None:
    (step,) = StepRun.objects.filter(run=begin(case, ana, ISOLATE))
    phone = open_page(rosa, "/approvals/", width=390)
    second = open_page(rosa, f"/approvals/{step.pk}/", width=390)
    own = open_page(ana, f"/approvals/{step.pk}/", width=390)
    held: list[Route] = []
    phone.route("**/approve/", lambda route: held.append(route))

    assert own.get_by_role("button", name="Approve").count() == 0
    assert own.get_by_text("You asked for this step, so another person decides.").is_visible()
    phone.get_by_role("link", name="Isolate device: FIN-LT-0142").click()
    phone.wait_for_url("**/approvals/*/")  # loaded: where it stands is known once its styles are there
    button = phone.get_by_role("button", name="Approve")
    box = button.bounding_box()
    assert box is not None
    assert (box["x"] >= 0, box["x"] + box["width"] <= 390, box["y"] + box["height"] <= 900) == (True,) * 3
    assert box["height"] >= 48
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    for _ in range(2):  # the second while the first is on its way
        phone.mouse.click(box["x"] + 20, box["y"] + 20)
        phone.wait_for_timeout(200)
    assert len(held) == 1
    held[0].continue_()
    phone.locator("#approval-state").get_by_text("Needs your approval").wait_for(state="detached")
    assert "Rosa Ponder approved" in phone.inner_text("main")
    assert phone.get_by_role("button", name="Approve").count() == 0
    second.get_by_role("button", name="Approve").click()
    assert "Isolate device: FIN-LT-0142 was approved by Rosa Ponder at" in second.inner_text("body")
    second.get_by_role("link", name="Go back").click()
    assert "Rosa Ponder approved" in second.inner_text("main")
    settle_down()
    assert [kind for kind, *_ in world.effects] == ["isolate"]
    assert Approval.objects.count() == 1


# --- 8: isolate, with the device's name typed ---------------------------------------------------------------------

WHY = "Beacons on, and its owner is away"


@pytest.mark.slow
def test_08_a_wrong_name_keeps_the_button_off_and_the_reason_is_kept(
    open_page: OpenPage, ana: User, rosa: User, case: Case
) -> None:
    page = open_page(ana, f"/cases/{case.number}/")
    page.get_by_role("link", name="Run an action…").click()
    page.get_by_role("link", name="Isolate device").click()
    box = page.locator("dialog[open]")
    button = box.get_by_role("button", name="Isolate device")
    assert button.is_disabled()
    assert "Choose the device first." in box.inner_text()

    box.get_by_label("Device").select_option(label="FIN-LT-0142")
    box.get_by_text("FIN-LT-0142 loses the network within minutes.").wait_for()
    box.get_by_label("Type its name").fill("FIN-LT-0150")
    box.get_by_label("Reason").fill(WHY)
    assert button.is_disabled()
    assert "That is not FIN-LT-0142. Type FIN-LT-0142 to go on." in box.inner_text()
    page.keyboard.press("Control+Enter")
    assert box.is_visible()

    box.get_by_label("Type its name").fill("fin-lt-0142")
    assert button.is_enabled()
    for name in ("FIN-LT-0150", "FIN-LT-0142"):
        box.get_by_label("Device").select_option(label=name)
        assert button.is_disabled() == (name == "FIN-LT-0150")
        box.get_by_text(f"{name} loses the network within minutes.").wait_for()
    assert Run.objects.count() == 0
    button.click()
    page.wait_for_url(f"**/cases/{case.number}/")

    page.goto(f"/cases/{case.number}/timeline/")
    assert f"Started Isolate device, alone v1: “{WHY}”" in page.inner_text(".tl")
    decider = open_page(rosa, f"/approvals/{StepRun.objects.get().pk}/")
    assert WHY in decider.inner_text("main")
    for action in filter(alone.wants_name, alone.offered(case)):
        page.goto(f"/cases/{case.number}/runs/action/?action={action.slug}")
        assert page.get_by_role("button", name=action.label).is_disabled(), action.slug


@pytest.mark.slow
def test_08_without_scripts_the_server_refuses_the_name_where_it_was_typed(
    open_page: OpenPage, ana: User, case: Case
) -> None:
    page = open_page(ana, f"/cases/{case.number}/runs/action/?action=isolate_device", has_scripts=False)
    page.get_by_label("Device").select_option(label="FIN-LT-0142")
    page.get_by_label("Reason").fill(WHY)
    page.get_by_label("Type its name").fill("FIN-LT-0150")
    page.get_by_role("button", name="Isolate device").click()

    field = page.locator(".field").filter(has=page.get_by_label("Type its name"))
    assert "That is not FIN-LT-0142." in field.inner_text()
    assert page.get_by_label("Type its name").get_attribute("aria-invalid") == "true"
    assert Run.objects.count() == 0
    page.get_by_label("Type its name").fill("FIN-LT-0142")
    page.get_by_role("button", name="Isolate device").click()
    assert StepRun.objects.get().title == "Isolate device: FIN-LT-0142"
