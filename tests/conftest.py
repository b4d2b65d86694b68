"""What all tests share: people with roles, and a house without a way out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.tasks import default_task_backend

from secops import pdf
from secops.models import User
from tests.factories import make_user

pytest_plugins = ["tests.tryout", "tests.response.chaos_house"]


@pytest.fixture
def analyst(db: None) -> User:
    return make_user("ada", ["analyst"], first_name="Ada", last_name="Lind")


@pytest.fixture
def responder(db: None) -> User:
    return make_user("bo", ["responder"], first_name="Bo", last_name="Mars")


@pytest.fixture
def stranger(db: None) -> User:
    """Signed in, without any role."""
    return make_user("cy")


@pytest.fixture
def admin_user(db: None) -> User:
    return make_user("dee", ["admin"], is_staff=True)


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """PDFs stay the HTML that they are made from: quick, and a word can be looked for in them."""
    monkeypatch.setattr(pdf, "render", lambda html, css: html.encode())


@pytest.fixture
def enqueued() -> Callable[[], list[tuple[Any, ...]]]:
    """The (task name, *args) tuples enqueued by the test."""
    default_task_backend.clear()
    return lambda: [(result.task.name, *result.args) for result in default_task_backend.results]
