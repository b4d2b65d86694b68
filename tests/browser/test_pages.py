"""What only a browser can tell: keys, live cells under the hand, the strict policy, width, and no scripts at all."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from cases.choices import Severity, Stage
from cases.models import Case
from cases.services import cases as services
from secops.models import User
from tests.browser.conftest import OpenPage
from tests.factories import make_alert, make_case, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ana() -> User:
    return make_user("ana", ["analyst"], first_name="Ana", last_name="Lyst")


@pytest.fixture
def three() -> list[Case]:
    """The first is the newest, so it stands on top."""
    now = timezone.now()
    return [make_case(title=f"Case number {index}", last_alert_at=now - timedelta(minutes=index)) for index in range(3)]


def tick(page: Page) -> None:
    with page.expect_response(lambda answer: "/live/" in answer.url):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:tick'))")
    page.wait_for_timeout(150)


def assert_focused(page: Page, case: Case) -> None:
    """The case's row has the hand, at once or as soon as what came is in its place."""
    page.wait_for_function("id => document.activeElement.closest('tr')?.id === id", arg=f"row-{case.pk}", timeout=5_000)


def test_a_case_is_escalated_by_three_keys_and_the_next_row_has_the_hand(
    open_page: OpenPage, ana: User, three: list[Case]
) -> None:
    page = open_page(ana, "/queue/?stage=new")

    page.keyboard.press("j")
    page.keyboard.press("?")
    page.wait_for_selector("#keys-help[open]")
    page.keyboard.press("Escape")
    assert_focused(page, three[0])  # help took the hand from nothing
    page.keyboard.press("e")
    page.wait_for_selector("dialog[open] input[name=title]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast")

    three[0].refresh_from_db()
    assert three[0].stage == Stage.RESPONSE
    assert_focused(page, three[1])


def test_a_key_never_acts_on_the_row_before(open_page: OpenPage, ana: User, three: list[Case]) -> None:
    page = open_page(ana, f"/queue/?peek={three[0].number}")

    page.keyboard.press("j")
    page.keyboard.press("c")
    page.wait_for_selector("dialog[open] textarea")

    assert three[1].number in page.inner_text("dialog[open] header")


def test_closing_needs_a_reason_and_can_be_undone_by_a_key(open_page: OpenPage, ana: User, three: list[Case]) -> None:
    page = open_page(ana, f"/cases/{three[0].number}/")

    page.keyboard.press("c")
    page.wait_for_selector("dialog[open] textarea")
    page.keyboard.press("Control+Enter")
    assert page.locator("dialog[open]").count() == 1

    page.fill("dialog[open] textarea", "Kiosk re-image, CHG-8812")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".toast")
    three[0].refresh_from_db()
    assert three[0].stage == Stage.CLOSED

    page.keyboard.press("z")
    page.wait_for_selector(".toast:has-text('Undone')")
    three[0].refresh_from_db()
    assert three[0].is_open


def test_a_decision_that_came_too_late_says_why_in_the_dialog(
    open_page: OpenPage, ana: User, three: list[Case]
) -> None:
    page = open_page(ana, f"/cases/{three[0].number}/")
    page.keyboard.press("e")
    page.wait_for_selector("dialog[open] input[name=title]")

    services.close(three[0].pk, "duplicate", "Same as the other", actor=ana)
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] [data-message] .banner.bad")

    assert "is in the stage closed" in page.inner_text("dialog[open] [data-message]")


def test_somebody_signed_out_is_told_so_and_loses_no_text(open_page: OpenPage, ana: User, three: list[Case]) -> None:
    page = open_page(ana, f"/cases/{three[0].number}/notes/")
    page.fill("#note-text", "Half a sentence")
    page.context.clear_cookies()

    tick(page)

    assert "You are signed out" in page.inner_text("#message")
    assert page.input_value("#note-text") == "Half a sentence"


def test_new_and_changed_cases_move_nothing_under_the_hand(open_page: OpenPage, ana: User, three: list[Case]) -> None:
    page = open_page(ana, "/queue/")
    page.check(f"#row-{three[1].pk} input[type=checkbox]")
    page.focus(f"#row-{three[2].pk} a.ttl")
    before = page.evaluate("[...document.querySelectorAll('tr[data-row]')].map(row => row.id)")

    now = timezone.now()
    make_case(title="Fresh", severity=Severity.CRITICAL, opened_at=now, last_alert_at=now)
    services.take_up(three[2].pk, actor=ana)
    tick(page)

    assert page.inner_text("#pill-text") == "1 new case, 1 critical. Show them"
    assert "Triage" in page.inner_text(f"#r-{three[2].pk}-stage")
    assert page.is_checked(f"#row-{three[1].pk} input[type=checkbox]")
    assert_focused(page, three[2])
    assert page.evaluate("[...document.querySelectorAll('tr[data-row]')].map(row => row.id)") == before

    page.keyboard.press(".")
    page.wait_for_selector("text=Fresh")


def test_text_caret_and_selection_stay_while_others_write(open_page: OpenPage, ana: User, three: list[Case]) -> None:
    page = open_page(ana, f"/cases/{three[0].number}/notes/")
    page.fill("#note-text", "Half a sentence")
    page.evaluate("document.getElementById('note-text').setSelectionRange(2, 6)")

    for number in range(3):
        services.note(three[0].pk, f"Another note {number}", actor=ana)
        tick(page)

    assert page.input_value("#note-text") == "Half a sentence"
    assert page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [2, 6]

    page.reload()
    assert page.input_value("#note-text") == "Half a sentence"


def test_everything_works_without_scripts(open_page: OpenPage, ana: User, three: list[Case]) -> None:
    page = open_page(ana, "/queue/", has_scripts=False)

    page.fill("input[name=q]", "number 1")
    page.click("button:has-text('Show')")
    assert page.locator("tr[data-row]").count() == 1

    page.click("a[data-peek]")
    page.click(".peek .foot a:has-text('Assign')")
    page.select_option("select[name=assignee]", label="Ana Lyst")
    page.click("button:has-text('Assign')")
    three[1].refresh_from_db()
    assert three[1].assignee == ana

    page.goto(f"/cases/{three[1].number}/")
    page.click(".acts a:has-text('Close')")
    page.fill("textarea[name=reason]", "Kiosk re-image")
    page.click("button:has-text('Close case')")
    three[1].refresh_from_db()
    assert three[1].stage == Stage.CLOSED


@pytest.mark.parametrize("width", [320, pytest.param(1100, marks=pytest.mark.slow)])
def test_no_page_scrolls_sideways(open_page: OpenPage, ana: User, width: int) -> None:
    title = "Registry value set: HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\hlp32-and-more"
    case = make_case(title=title, target=title, device_name="ENG-WS-0210")
    alert = make_alert(case, title=title)
    page = open_page(ana, "/queue/", width=width)

    tabs = [f"/cases/{case.number}/{tab}" for tab in ("", "timeline/", "alerts/", "observables/", "notes/", "close/")]
    for path in ("/queue/", f"/alerts/{alert.number}/", *tabs):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    Case.objects.filter(pk=case.pk).update(stage=Stage.RESPONSE)
    page.goto(f"/cases/{case.number}/notes/")
    page.wait_for_selector("#run-panel")
    top = {
        name: page.evaluate(f"document.querySelector('{name}').getBoundingClientRect().top")
        for name in (".pad", "#runs")
    }
    assert top[".pad"] < top["#runs"]  # what the tab is for comes before what stands beside it
    tab = page.evaluate("JSON.stringify(document.querySelector('.tabs [aria-current]').getBoundingClientRect())")
    assert 0 <= json.loads(tab)["left"] <= json.loads(tab)["right"] <= width
