"""What is wrong with the settings is said at the start."""

import runpy
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
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


@pytest.mark.parametrize("said", ["0", "-5", "nan", "inf", "61", "five"])
def test_minutes_of_a_proof_that_are_none_stop_the_start(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTDESK_STEPUP_MINUTES", said)

    with pytest.raises(ImproperlyConfigured, match="NIGHTDESK_STEPUP_MINUTES must be"):
        runpy.run_path(settings.BASE_DIR / "secops/settings.py")


def test_a_cache_of_one_process_is_an_error() -> None:
    for backend in ("locmem.LocMemCache", "dummy.DummyCache"):
        with override_settings(CACHES={"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}):
            assert [error.id for error in cache_is_shared(None)] == ["nightdesk.E002"]
