"""A passkey on a phone: added, then asked for by the one tap that approves (UX.md part 10, check 7)."""

import pytest
from playwright.sync_api import CDPSession, Page

from cases.models import Case
from response.choices import StepState
from response.models import Approval, StepRun
from secops.models import User
from tests.browser.conftest import OpenPage
from tests.response.conftest import ISOLATE, World, begin, case, device, step_of, world
from tests.secops.test_stepup import app_of

__all__ = ["case", "device", "world"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """The phone's own, which knows its owner."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True}
    made = devtools.send(
        "WebAuthn.addVirtualAuthenticator", {"options": options | {"automaticPresenceSimulation": True}}
    )
    return devtools, str(made["authenticatorId"])


def test_one_tap_and_a_passkey_approve_on_a_phone(
    open_page: OpenPage, world: World, case: Case, analyst: User, responder: User
) -> None:
    step = step_of(begin(case, analyst, ISOLATE), "isolate")
    page = open_page(responder, "/me/security/", width=390)
    devtools, phone = authenticator(page)

    page.fill("#passkey-name", "My phone")
    page.click("button:has-text('Add a passkey')")
    page.wait_for_selector("li:has-text('“My phone”')")
    page.goto(f"/approvals/{step.pk}/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": phone, "isUserVerified": False})
    page.click(".apbar .btn.approve")
    page.wait_for_selector("text=No passkey was given. Try again")
    assert StepRun.objects.get(pk=step.pk).state == StepState.WAITING

    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": phone, "isUserVerified": True})
    page.click(".apbar .btn.approve")
    page.wait_for_selector("text=Bo Mars approved")

    assert StepRun.objects.get(pk=step.pk).state == StepState.READY
    assert Approval.objects.get().proved_by == "passkey"


def test_a_tap_that_was_stopped_can_be_given_again_and_says_so(
    open_page: OpenPage, world: World, case: Case, analyst: User, responder: User
) -> None:
    app_of(responder)
    step = step_of(begin(case, analyst, ISOLATE), "isolate")
    page = open_page(responder, f"/approvals/{step.pk}/", width=390)
    page.clock.install()
    sent: list[str] = []
    page.route("**/approve/", lambda route: (sent.append(route.request.url), route.fulfill(status=204)))
    page.fill(".apbar [name=code]", "123456")

    page.click(".apbar .btn.approve")
    page.click(".apbar .btn.approve")
    page.wait_for_selector("text=Sent already. Waiting for the answer.")
    assert len(sent) == 1

    page.clock.fast_forward(10_000)
    page.wait_for_selector("text=No answer came. Reload the page")
    page.click(".apbar .btn.approve")
    page.wait_for_selector("form[aria-busy]")
    assert len(sent) == 2
