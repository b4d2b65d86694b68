"""Two people at one real quickstart: the first story to its end, a covert case, and nobody approves their own step."""

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.tryout import Tryout

pytestmark = pytest.mark.browser

BEACON, REGISTRY, COVERT = "CASE-1", "CASE-2", "CASE-3"  # in the order in which the detectors send their stories
DEVICE = "FIN-LT-0142"
PHONE = 390  # px
OTHER = "FIN-LT-0150"  # where the file of the first story lies too
EFFECTS = {"isolate", "unisolate"}
WHY_NOT_THE_REQUESTER = ("Your roles do not allow you to approve steps.", "You asked for this step")
STORY = [  # what the timeline tells of it, in this order, and whose doing it was
    ("Marrowlink", "practice-range"),
    ("began the triage", "Ana Lyst"),
    ("Escalated to response", "Ana Lyst"),
    ("Started Contain a compromised device", "Ana Lyst"),
    ("Asked: Isolate device", "Nightdesk"),
    ("Approved: Isolate device", "Rosa Ponder"),
    ("Sending: Isolate device", "Nightdesk"),
    (f"{DEVICE}: isolated, verified", "Nightdesk"),
    ("Asked: Release device", ""),
    ("Approved: Release device", "Rosa Ponder"),
    ("Sending: Release device", "Nightdesk"),
    (f"{DEVICE}: released, verified", "Nightdesk"),
]
LATER = 150_000  # ms; a provider that says later is waited for, twice if need be
SOON = 30_000  # ms; the clusters move a step within a second, the device answers after two


class Person:
    """One browser, signed in by a one-time link as a person would, and all that its pages complained about."""

    def __init__(self, browser: Browser, link: str, width: int) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": 844},
            base_url="/".join(link.split("/")[:3]),
            reduced_motion="reduce",  # nobody looks, and drawing what turns costs a processor
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

    def try_to_approve(self, step: str) -> tuple[int, str]:
        """POST past the page, which offers no button: the status, and what is said."""
        token = self.page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
        form: dict[str, str | float | bool] = {"csrfmiddlewaretoken": token, "params_sha256": "0" * 64}
        answer = self.context.request.post(
            f"/steps/{step}/approve/", form=form, headers={"Referer": self.page.url}, max_redirects=0
        )
        return answer.status, answer.text()


@pytest.fixture(scope="module")
def both(browser: Browser, tryout: Tryout) -> Iterator[tuple[Person, Person]]:
    """The analyst by the printed link, the responder by the printed command, on a phone."""
    link = tryout.manage("signin", "responder").stdout.strip()
    people = Person(browser, tryout.link, 1440), Person(browser, link, PHONE)
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


def run_of(person: Person, number: str) -> str:
    """Where the panel shows the run that a person started; those that it started for other devices stand beside it."""
    (run,) = [run for run in case_of(person, number)["runs"] if run["parent"] is None]
    return f"#run-{run['id']}"


def step_of(page: Page, title: str, run: str = "#run-panel .runp") -> Locator:
    """A step in the runbook panel beside the case."""
    return page.locator(f"{run} li.step").filter(has_text=title)


def go_to_row(page: Page, number: str) -> None:
    """By J alone, as far as it takes."""
    for _ in range(20):
        page.keyboard.press("j")
        if number in page.evaluate("document.activeElement.closest('tr')?.innerText || ''"):
            return
    pytest.fail(f"J never reached {number}")


def approve(phone: Page, title: str) -> None:
    """From the list of what waits to the page of the step, and the button."""
    phone.goto("/approvals/")
    phone.get_by_role("link", name=f"{title}: {DEVICE}").click()
    phone.wait_for_url(re.compile(r"/approvals/\d+/$"))
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert "One approval" in phone.inner_text("main")
    phone.get_by_role("button", name="Approve").click()
    phone.locator("#approval-state").get_by_text("Needs your approval").wait_for(state="detached")


def effects(tryout: Tryout) -> list[tuple[str, str]]:
    """What the range's products really did, in order."""
    path = tryout.data / "practice/effects.ndjson"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(one["method"], one["device"]) for one in map(json.loads, lines) if one["method"] in EFFECTS]


def test_the_first_story_from_the_queue_to_the_device_and_back(
    analyst: Person, responder: Person, tryout: Tryout
) -> None:
    desk, phone = analyst.page, responder.page
    desk.goto("/queue/")
    go_to_row(desk, BEACON)
    desk.wait_for_selector("#peek:has-text('Calls every')")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/cases/{BEACON}/")
    for words in ("Beacon", "Maya Okafor", "updater.exe, not signed"):
        desk.wait_for_selector(f"main:has-text('{words}')")
    desk.keyboard.press("e")
    desk.click("dialog[open] button:has-text('Escalate and run')")

    desk.wait_for_selector("#run-panel .runp")
    run = run_of(analyst, BEACON)
    isolate = step_of(desk, "Isolate device", run)
    isolate.get_by_text("All facts").wait_for(timeout=LATER)
    assert "Asked by Ana Lyst" in isolate.inner_text()
    assert any(reason in isolate.inner_text() for reason in WHY_NOT_THE_REQUESTER)
    assert desk.get_by_role("button", name="Approve").count() == 0
    step = str(isolate.get_attribute("id")).removeprefix("step-")
    assert analyst.try_to_approve(step)[0] == 403
    assert effects(tryout) == []

    approve(phone, "Isolate device")
    isolate.get_by_text(f"{DEVICE}: isolated, verified").wait_for()
    assert "Confirmed" in str(isolate.locator(".vh").first.text_content())
    assert "Rosa Ponder approved" in isolate.inner_text()
    assert effects(tryout) == [("isolate", DEVICE)]
    assert [one["state"] for one in case_of(analyst, BEACON)["devices"] if one["name"] == DEVICE] == ["isolated"]

    isolate.get_by_role("button", name="Release").click()
    release = step_of(desk, "Release device", run)
    release.get_by_text("All facts").wait_for()
    approve(phone, "Release device")
    release.get_by_text(f"{DEVICE}: released, verified").wait_for()
    assert "undone" in isolate.inner_text()
    assert effects(tryout) == [("isolate", DEVICE), ("unisolate", DEVICE)]

    desk.goto(f"/cases/{BEACON}/timeline/")
    told = desk.locator(".tl li").all_inner_texts()[::-1]  # oldest first
    at = 0
    for words, who in STORY:
        at = next((n for n in range(at, len(told)) if words in told[n] and who in told[n]), -1) + 1
        assert at, f"the timeline does not tell, in its order: {words} · {who}\n" + "\n".join(told)
    assert tryout.manage("verify_timeline", BEACON).returncode == 0


HIDDEN_PAGES = [
    f"/cases/{COVERT}/",
    *[f"/cases/{COVERT}/{tab}/" for tab in ("timeline", "alerts", "observables", "notes")],
    *[f"/cases/{COVERT}/{part}/" for part in ("live", "seen", "risk", "q/who", "runs/panel", "runs/suggest")],
    *[f"/cases/{COVERT}/{what}/" for what in ("escalate", "assign", "close", "note")],
    "/alerts/ALR-3/",
    f"/api/v1/cases/{COVERT}/",
    "/api/v1/alerts/ALR-3/",
]
SEARCHES = ["/queue/", "/queue/?q=SAL-LT-0077", "/queue/?q=rocha", f"/queue/?q={COVERT}", f"/queue/?peek={COVERT}"]


def test_a_covert_case_is_there_for_the_analyst_and_nowhere_for_the_responder(
    analyst: Person, responder: Person
) -> None:
    seen = {path: (analyst.status(path), responder.status(path)) for path in HIDDEN_PAGES}
    assert {path: pair for path, pair in seen.items() if pair not in {(200, 404), (204, 404)}} == {}

    title = escape(case_of(analyst, COVERT)["title"])
    for path in SEARCHES:
        shown, others = analyst.text(path), responder.text(path)
        for words in ('id="row-3"', f'href="/cases/{COVERT}/"', "Restricted case"):
            assert words in shown, (path, words)
            assert words not in others, (path, words)
        assert title not in others, path  # ordinary alerts may name the same person and device
    live = "/queue/live/?rows=3&loaded=2026-01-01T00:00:00Z&since=2026-01-01T00:00:00Z"
    assert (analyst.status(live), responder.status(live)) == (200, 200)
    assert "r-3-" not in responder.text(live)


def test_a_covert_case_offers_only_what_nobody_notices(analyst: Person) -> None:
    page = analyst.page
    page.goto(f"/cases/{COVERT}/")

    page.wait_for_selector("#run-panel :text('No mandate: nothing is acquired.')")
    page.wait_for_selector("#run-panel :text('Suspected insider')")
    page.wait_for_selector("main:has-text('More speaks for this person.')")
    assert page.locator("#run-panel :text('Contain a compromised device')").count() == 0
    assert page.locator("#run-panel :text('could be noticed')").count() == 0


def test_every_page_comes_with_a_strict_policy(analyst: Person) -> None:
    for path in ("/queue/", f"/cases/{BEACON}/", "/approvals/", "/signin/used/"):
        policy = analyst.context.request.get(path).headers.get("content-security-policy", "")
        assert "default-src 'none'" in policy or "default-src 'self'" in policy, path
        assert "unsafe" not in policy, path


def test_somebody_who_may_approve_still_cannot_approve_what_they_asked_for(
    responder: Person, analyst: Person, tryout: Tryout
) -> None:
    phone = responder.page
    phone.goto(f"/cases/{REGISTRY}/")
    offer = phone.locator("#run-panel .card").filter(has_text="Contain a compromised device")
    offer.get_by_role("button", name="Escalate and run").click()

    isolate = step_of(phone, "Isolate device")
    isolate.get_by_text("You asked for this step, so another person decides.").wait_for(timeout=LATER)
    assert phone.get_by_role("button", name="Approve").count() == 0
    status, said = responder.try_to_approve(str(isolate.get_attribute("id")).removeprefix("step-"))
    assert status == 403
    assert "You asked for this step, so another person decides." in said

    phone.get_by_role("button", name="Cancel run").click()
    phone.locator("#run-panel .run-h .chip").get_by_text("Cancelled").wait_for()
    (run,) = case_of(analyst, REGISTRY)["runs"]
    assert run["state"] == "cancelled"
    assert "ENG-WS-0210" not in {device for _, device in effects(tryout)}


def test_the_device_that_holds_the_same_file_is_isolated_on_an_approval_of_its_own(
    responder: Person, tryout: Tryout
) -> None:
    phone = responder.page
    phone.goto(f"/cases/{BEACON}/")
    other = step_of(phone, OTHER).filter(has_text="Isolate")
    other.get_by_role("button", name="Approve").click(timeout=LATER)
    other.get_by_text(f"{OTHER}: isolated, verified").wait_for(timeout=LATER)
    assert effects(tryout)[-1] == ("isolate", OTHER)


def test_the_run_ends_when_the_responder_says_how_to_go_on(responder: Person, tryout: Tryout) -> None:
    phone = responder.page
    phone.goto(f"/cases/{BEACON}/")
    run = run_of(responder, BEACON)
    phone.locator(run).get_by_role("button", name="Contained, hand over to eradication").click(timeout=LATER)
    phone.locator(f"{run} .run-h .chip").get_by_text("Succeeded").wait_for()

    assert OTHER in step_of(phone, "Find the file on other devices", run).inner_text()
    assert "Mail sent to" in step_of(phone, "Notify the response team", run).inner_text()
    kinds = {item["kind"] for item in case_of(responder, BEACON)["evidence"] if "FIN-LT-0142" in item["title"]}
    assert {"capture", "triage", "disk"} <= kinds  # data was flowing out, so nobody waited for the memory
    mails = [path.read_text() for path in (tryout.data / "practice/mail").glob("*.eml")]
    assert any(f"isolation of {DEVICE}: succeeded" in mail for mail in mails)
