"""What is wrong with the settings is said at the start."""

from typing import Any

from django.conf import settings
from django.test import override_settings

from secops.checks import cache_is_shared, times_nest


def test_the_settings_as_shipped_pass() -> None:
    assert times_nest(None) == []
    assert cache_is_shared(None) == []


def test_a_lease_longer_than_its_message_is_an_error() -> None:
    cluster: dict[str, Any] = settings.Q_CLUSTER

    with override_settings(LEASE_SECONDS=cluster["timeout"] + 1):
        assert [error.id for error in times_nest(None)] == ["nightdesk.E001"]
    with override_settings(Q_CLUSTER=cluster | {"retry": cluster["timeout"]}):
        assert [error.id for error in times_nest(None)] == ["nightdesk.E001"]


def test_a_cache_of_one_process_is_an_error() -> None:
    for backend in ("locmem.LocMemCache", "dummy.DummyCache"):
        with override_settings(CACHES={"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}):
            assert [error.id for error in cache_is_shared(None)] == ["nightdesk.E002"]
