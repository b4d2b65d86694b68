"""An alert made to attack its readers: every page shows it as text, nothing runs, and the browser reports nothing."""

import json

import pytest
from django.test import Client
from playwright.sync_api import Dialog, Page

from cases.models import Case
from cases.services import cases as services
from secops.models import ApiToken, User
from tests.browser.conftest import OpenPage
from tests.factories import make_user
from tests.hostile import START, alert

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ana() -> User:
    return make_user("ana", ["analyst"], first_name="Ana", last_name="Lyst")


@pytest.fixture
def case(client: Client, ana: User) -> Case:
    """Received through the door; then everything else that a case shows is made as bad."""
    _, secret = ApiToken.issue("sensor")
    answer = client.post(
        "/api/v1/alerts/",
        json.dumps(alert()),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 201
    case = Case.objects.get()
    judged = {"verdict": "malicious", "label": START, "headline": START, "state": "done"}
    Case.objects.filter(pk=case.pk).update(
        cards=dict.fromkeys(("who", "where", "traffic", "device", "changes", "files"), judged),
        risk_score=90,
        risk={"reasons": [{"points": 90, "text": START, "finding": "x"}], "missing": [START]},
        person_name=START,
        device_name=START,
        target=START,
    )
    services.note(case.pk, START, actor=ana)
    case.refresh_from_db()
    return case


def note(dialogs: list[str], dialog: Dialog) -> None:
    """A script that ran; dismissed, so that the page goes on."""
    dialogs.append(dialog.message)
    dialog.dismiss()


def look(page: Page, dialogs: list[str], path: str) -> str:
    """Open a page with all that loads after it; what a reader sees of it."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert dialogs == [], path
    assert page.locator("script:not([src])", has_text="alert(1)").count() == 0, path
    assert page.locator("img[src=x]").count() == 0, path
    return str(page.evaluate("document.body.innerText"))


def test_every_page_shows_it_as_text_and_nothing_runs(open_page: OpenPage, ana: User, case: Case) -> None:
    page = open_page(ana, "/approvals/")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: note(dialogs, dialog))
    tabs = [f"/cases/{case.number}/{tab}" for tab in ("", "timeline/", "alerts/", "observables/", "notes/")]
    number = case.alerts.get().number

    for path in ("/queue/", f"/queue/?peek={case.number}", *tabs, f"/alerts/{number}/"):
        seen = look(page, dialogs, path)
        assert "<script>alert(1)</script>{{7*7}}${{ 7*7 }}" in seen, path
        assert "</script>49" not in seen, path
        assert "$49" not in seen, path
        assert "\u202e" not in seen, f"{path}: what follows would be read backwards"
    for what in ("escalate", "assign", "close", "note"):
        look(page, dialogs, f"/cases/{case.number}/{what}/")
    look(page, dialogs, f"/queue/?q={START}")


def test_it_stays_text_in_previews_dialogs_and_live_cells(open_page: OpenPage, ana: User, case: Case) -> None:
    page = open_page(ana, "/queue/")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: note(dialogs, dialog))

    page.keyboard.press("j")
    page.wait_for_selector(f"#peek[data-case='{case.pk}']")
    assert START[:40] in page.inner_text("#peek h2")
    page.keyboard.press("e")
    page.wait_for_selector("dialog[open] input[name=title]")
    assert page.input_value("dialog[open] input[name=title]").startswith(START[:40])
    page.keyboard.press("Escape")
    services.take_up(case.pk, actor=ana)
    with page.expect_response(lambda answer: "/live/" in answer.url):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:tick'))")
    page.wait_for_timeout(200)

    assert dialogs == []
    assert page.locator("img[src=x]").count() == 0
