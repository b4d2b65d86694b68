"""The runbook editor in a browser: order by keys and by hand, what it asks for while one writes, and two people."""

import pytest
from playwright.sync_api import Page

from cases.models import Case, CaseDevice
from response.models import KindRunbook, Run, Runbook
from secops import integrations
from secops.models import User
from tests.browser.conftest import OpenPage
from tests.factories import make_case, make_device, make_kind, make_user
from tests.response.conftest import ASK, CONFIRM, ISOLATE, drilled, make_runbook

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def rui() -> User:
    return make_user("rui", ["admin"], first_name="Rui", last_name="Tavares")


@pytest.fixture
def runbook(rui: User) -> Runbook:
    runbook = make_runbook(CONFIRM, ISOLATE, ASK).runbook
    KindRunbook.objects.create(kind=make_kind(), runbook=runbook)
    return runbook


@pytest.fixture
def past(runbook: Runbook) -> Case:
    drilled(integrations.add("test_edr", "Test EDR", {}))
    make_user("rosa", ["responder"], first_name="Rosa", last_name="Ponder")
    case = make_case(kind=runbook.kinds.get().kind, severity=3, device_name="FIN-LT-0142")
    CaseDevice.objects.create(case=case, device=make_device("FIN-LT-0142"))
    return case


def address(runbook: Runbook) -> str:
    return f"/admin/response/runbook/{runbook.pk}/change/"


def titles(page: Page) -> list[str]:
    return page.locator("[data-order] > [data-step] .rb-name b").all_inner_texts()


CONFIRMS, ISOLATES, ASKS = "Confirm device and owner", "Isolate device", "Ask the responder"


def test_steps_are_ordered_by_keys_and_the_hand_stays_on_the_grip(
    open_page: OpenPage, rui: User, runbook: Runbook
) -> None:
    page = open_page(rui, address(runbook))
    grip = page.get_by_role("button", name="Move Ask the responder: drag")

    grip.focus()
    page.keyboard.press("ArrowUp")
    assert titles(page) == [CONFIRMS, ASKS, ISOLATES]
    assert page.get_by_text("The order is not saved yet").is_visible()
    assert page.evaluate("document.activeElement.hasAttribute('data-grip')")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the arrow up beside it
    assert titles(page) == [ASKS, CONFIRMS, ISOLATES]
    page.get_by_role("button", name="Save draft").last.click()

    page.wait_for_selector("text=was changed successfully")
    assert titles(page) == [ASKS, CONFIRMS, ISOLATES]
    assert list(runbook.steps.values_list("key", flat=True)) == ["next", "confirm", "isolate"]


@pytest.mark.slow
def test_a_step_is_dragged_by_its_grip(open_page: OpenPage, rui: User, runbook: Runbook) -> None:
    page = open_page(rui, address(runbook))
    box = page.get_by_role("button", name="Move Confirm device and owner: drag").bounding_box()
    end = page.locator("[data-step]").last.bounding_box()
    assert box is not None
    assert end is not None

    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, end["y"] + end["height"] - 4, steps=12)
    page.mouse.up()

    assert titles(page) == [ISOLATES, ASKS, CONFIRMS]
    assert page.locator("[data-step] input[name$='-order']").evaluate_all("all => all.map(one => one.value)") == [
        "1",
        "2",
        "3",
    ]


@pytest.mark.slow
def test_an_action_brings_its_parameters_and_a_condition_its_count(
    open_page: OpenPage, rui: User, runbook: Runbook, past: Case
) -> None:
    page = open_page(rui, address(runbook))
    page.get_by_role("link", name="Add step").click()
    new = page.locator("#new-step")
    new.locator("select[name$='-action']").select_option("notify")
    new.locator("[name$='-p_message']").wait_for()
    assert new.locator("[name$='-p_to']").is_visible()

    new.locator("[name$='-when']").fill("case.severity >= 3")
    new.get_by_text("Would have matched 1 of 1 cases.").wait_for()
    new.locator("[name$='-when']").fill("cas.severity >= 3")
    new.get_by_text("Did you mean 'case'?").wait_for()


def test_a_draft_is_run_dry_asked_for_and_published_by_another(
    open_page: OpenPage, rui: User, runbook: Runbook, past: Case
) -> None:
    page = open_page(rui, address(runbook))
    page.locator("#steps-2 summary").click()
    page.fill("[name=steps-2-p_question]", "And what now?")
    page.select_option("[name=dry_case]", past.number)
    page.get_by_role("button", name="Save and run dry").last.click()
    page.wait_for_selector(".rb-dry li")
    assert "The responder answers: And what now?" in page.inner_text("#dry")
    assert "1 approval, of Rosa Ponder, not of who asks." in page.inner_text("#dry")
    assert Run.objects.count() == 0
    assert "And what now?" in page.inner_text(".rb-diff .added")

    page.fill("#id_publish_note", "Asks better")
    page.get_by_role("button", name="Save and ask for publication").click()
    page.get_by_text("You wrote it, so another admin publishes it.").wait_for()
    assert page.get_by_role("button", name="Publish v2").count() == 0

    other = open_page(make_user("ada", ["admin"]), address(runbook))
    assert "Rui Tavares asked for it" in other.inner_text("#check")
    other.get_by_role("button", name="Publish v2").click()
    other.get_by_text("Published Contain v2").wait_for()

    live = runbook.live
    assert live is not None
    assert (live.number, live.note) == (2, "Asks better")
    assert (str(live.author), str(live.published_by)) == ("rui", "ada")


@pytest.mark.slow
def test_all_of_it_works_without_scripts(open_page: OpenPage, rui: User, runbook: Runbook, past: Case) -> None:
    page = open_page(rui, address(runbook), has_scripts=False)

    page.get_by_role("button", name="Move Ask the responder up").click()
    assert titles(page) == [CONFIRMS, ASKS, ISOLATES]
    page.locator("#new-step summary").click()
    page.fill("#new-step [name$='-key']", "tell")
    page.select_option("#new-step [name$='-action']", "notify")
    page.get_by_role("button", name="Save draft").last.click()
    page.fill("[name=steps-3-p_to]", "soc@corp.example")
    page.fill("[name=steps-3-p_message]", "Look")
    page.fill("[name=steps-3-when]", "case.severity > 3")
    page.get_by_role("button", name="Save and try conditions").click()

    assert "Would have matched 0 of 1 cases." in page.inner_text("#steps-3")
    assert "No problems found." in page.inner_text("#check")


@pytest.mark.parametrize("width", [390, *(pytest.param(one, marks=pytest.mark.slow) for one in (1100, 1440))])
def test_no_page_of_it_scrolls_sideways(open_page: OpenPage, rui: User, runbook: Runbook, width: int) -> None:
    page = open_page(rui, address(runbook), width=width)

    for path in (address(runbook), *(f"/admin/response/runbook/{runbook.pk}/{part}/" for part in ("versions", "text"))):
        page.goto(path)
        for step in page.locator("[data-step] summary").all():
            step.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
