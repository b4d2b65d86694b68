"""Two people at one real quickstart: the first story to its end, a covert case, and nobody approves their own step."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import CHROMIUM
from tests.tryout import Tryout

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("tryout"),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"There is no browser at {CHROMIUM}."),
]

BEACON, REGISTRY, COVERT = "CASE-1", "CASE-2", "CASE-3"  # in the order in which the detectors send their stories
DEVICE = "FIN-LT-0142"
SOON = 30_000  # ms; the clusters move a step within a second, the device answers after two


class Person:
    """One browser, signed in by a one-time link as a person would, and all that its pages complained about."""

    def __init__(self, browser: Browser, link: str, width: int) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": 844}, base_url="/".join(link.split("/")[:3])
        )
        self.complaints: list[str] = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(SOON)
        self.page.on("console", lambda message: self.complaints.append(f"{self.page.url}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.goto(link)
        self.page.click("button:has-text('Sign in')")
        self.page.wait_for_url("**/queue/")

    def status(self, path: str) -> int:
        """Asked beside the page, where a 404 leaves nothing on the console."""
        return self.context.request.get(path).status

    def text(self, path: str) -> str:
        return self.context.request.get(path).text()

    def try_to_approve(self, step: str) -> int:
        """POST past the page, which offers no button; the status."""
        token = next(one["value"] for one in self.context.cookies() if "csrf" in one["name"])
        sha256 = json.loads(self.text("/api/v1/cases/CASE-1/"))["id"]
        form = {"csrfmiddlewaretoken": token, "params_sha256": sha256}
        headers = {"Referer": self.page.url}
        return self.context.request.post(f"/steps/{step}/approve/", form=form, headers=headers).status


@pytest.fixture(scope="module")
def both(browser: Browser, tryout: Tryout) -> Iterator[tuple[Person, Person]]:
    """The analyst by the printed link, the responder by the printed command, on a phone."""
    link = tryout.manage("signin", "responder").stdout.strip()
    people = Person(browser, tryout.link, 1440), Person(browser, link, 390)
    yield people
    for person in people:
        person.context.close()


@pytest.fixture
def analyst(both: tuple[Person, Person]) -> Iterator[Person]:
    yield both[0]
    assert both[0].complaints == []


@pytest.fixture
def responder(both: tuple[Person, Person]) -> Iterator[Person]:
    yield both[1]
    assert both[1].complaints == []


def case_of(person: Person, number: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(person.text(f"/api/v1/cases/{number}/"))
    return found


def go_to_row(page: Page, number: str) -> None:
    """By J alone, as far as it takes."""
    for _ in range(20):
        page.keyboard.press("j")
        if page.evaluate("document.activeElement.closest('tr')?.innerText || ''").find(number) >= 0:
            return
    pytest.fail(f"J never reached {number}")


def test_the_first_story_from_the_queue_to_the_device_and_back(
    analyst: Person, responder: Person, tryout: Tryout
) -> None:
    desk, phone = analyst.page, responder.page
    desk.goto("/queue/")
    go_to_row(desk, BEACON)
    desk.wait_for_selector("#peek:has-text('Calls every')")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/cases/{BEACON}/")
    desk.wait_for_selector("section:has-text('Beacon')")
    desk.keyboard.press("e")
    desk.click("dialog[open] button:has-text('Escalate and run')")

    box = desk.locator("#run-panel li.step:has-text('Isolate device')")
    box.get_by_text("Waits for approval by others").wait_for(state="attached")
    print(desk.inner_text("#run-panel"))
    desk.screenshot(path="/tmp/ndt/panel.png")
    print(json.dumps(case_of(analyst, BEACON)["runs"], indent=1))

    phone.goto("/approvals/")
    print(phone.inner_text("body"))
    phone.click("a:has-text('Isolate device')")
    phone.wait_for_url(re.compile(r"/approvals/\d+/$"))
    print(phone.inner_text("body"))
    phone.screenshot(path="/tmp/ndt/phone.png")
    phone.click("button:has-text('Approve')")
    phone.wait_for_load_state()
    print(phone.url, phone.inner_text("body")[:500])
    desk.wait_for_selector(f"#run-panel :text('{DEVICE}: isolated, verified')")
    print(desk.inner_text("#run-panel"))
    desk.click("#run-panel button:has-text('Release')")
    phone.goto("/approvals/")
    phone.click("a:has-text('Release')")
    phone.wait_for_url(re.compile(r"/approvals/\d+/$"))
    print(phone.inner_text("body"))
    phone.click("button:has-text('Approve')")
    desk.wait_for_selector(f"#run-panel :text('{DEVICE}: released, verified')")
    print(desk.inner_text("#run-panel"))
    desk.goto(f"/cases/{BEACON}/timeline/")
    print(desk.inner_text(".tl"))
    print(json.dumps(case_of(analyst, BEACON)["runs"], indent=1))
    print((tryout.data / "practice/effects.ndjson").read_text())
