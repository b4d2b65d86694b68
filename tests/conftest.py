"""What all tests share: people with roles, and a house without a way out."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from django.db.models.signals import post_migrate
from django.tasks import default_task_backend
from pytest_django import DjangoDbBlocker

from cases.services import hearing
from secops import banners, pdf
from secops.models import User
from tests.factories import make_user
from tests.house import House, build

pytest_plugins = [
    "tests.order",
    "tests.pace",
    "tests.tryout",
    "tests.objectstore",
    "tests.outlets",
    "tests.cases.intake.detectors.printed",
    "tests.response.chaos_house",
    "tests.response.storm_figures",
]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Nothing here asks for permission rows, and making all of them again takes most of the time in which a test with
    real transactions empties the tables."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


@pytest.fixture(scope="module")
def _house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """In a transaction around those of the module's tests, each of which takes back only what it did itself."""
    with django_db_blocker.unblock():
        around = transaction.atomic()
        around.__enter__()
        built = build()
    yield built
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        around.__exit__(None, None, None)


@pytest.fixture
def house(_house: House, db: None, unrendered: None) -> House:
    """Built once for a module; its people are a test's own."""
    return deepcopy(_house)


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


@pytest.fixture(autouse=True)
def no_banners_kept() -> None:
    """What stood on every page of another test stands on none of this one."""
    banners.forget()


@pytest.fixture(autouse=True)
def nobody_was_heard() -> None:
    """A source that spoke in another test has no row in this one."""
    hearing.forget()


@pytest.fixture
def enqueued() -> Callable[[], list[tuple[Any, ...]]]:
    """The (task name, *args) tuples enqueued by the test."""
    default_task_backend.clear()
    return lambda: [(result.task.name, *result.args) for result in default_task_backend.results]
