"""A headless Chromium, signed in, that fails the test when a page says anything on the console."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from secops.models import User
from secops.stepup import SIGNED_IN

# The first draws the same with a third of the processor's time.
CHROMIUMS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
type OpenPage = Callable[..., Page]


def _installed() -> Path:
    found = next((path for path in CHROMIUMS if path.exists()), None)
    return found or pytest.fail(f"Browser tests need {CHROMIUMS[0].name} or {CHROMIUMS[1].name} of Debian.")


@pytest.fixture(scope="session")
def browser(django_db_setup: None) -> Iterator[Browser]:
    """The driver keeps a loop in this thread, where Django would open connections of its own: it gets ours."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    ours = connections.all()
    with sync_playwright() as driver:
        for connection in ours:
            connections[connection.alias] = connection
        chromium = driver.chromium.launch(executable_path=_installed(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    """open_page(user, path, width=..., has_scripts=...) in a fresh context; nothing may stand on the console."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_one(user: User, path: str, *, width: int = 1440, has_scripts: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=has_scripts,
            base_url=live_server.url,
            reduced_motion="reduce",  # nobody looks, and drawing what turns costs a processor
        )
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": _session_of(user), "url": live_server.url}]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: _note(said, f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert said == []


def _note(said: list[str], text: str) -> None:
    """Chromium reports every 4xx; a refused decision (409, 422) is one of ours and shown on the page."""
    if "a status of 409" not in text and "a status of 422" not in text:
        said.append(text)


def _session_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[SIGNED_IN] = {"by": "password", "at": timezone.now().isoformat()}
    session.create()
    return str(session.session_key)
