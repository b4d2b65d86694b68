"""The shared cache keeps plain JSON and nothing that could run."""

from datetime import datetime

import pytest
from django.core.cache import cache
from django.db import connection

from secops.cache import JsonDatabaseCache

pytestmark = pytest.mark.django_db


def test_plain_values_come_back_as_they_were() -> None:
    for value in (7, "text", None, [1, "two", {"three": 3.5}], True):
        cache.set("key", value)
        assert cache.get("key", "missing") == value


def test_the_table_holds_json_text() -> None:
    cache.set("key", {"count": 3})

    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM secops_cache")
        (stored,) = [row[0] for row in cursor.fetchall()]

    assert "gASV" not in stored  # how a pickle begins in base64
    assert JsonDatabaseCache("secops_cache", {}).get("key") == {"count": 3}


@pytest.mark.parametrize("thing", [datetime(2026, 1, 1), object(), {1, 2}])  # noqa: DTZ001 - only its type matters
def test_an_object_is_refused_at_once(thing: object) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        cache.set("key", thing)


def test_a_brake_counts_in_every_process() -> None:
    cache.add("tries", 0, 900)

    assert JsonDatabaseCache("secops_cache", {}).incr("tries") == 1
    assert cache.incr("tries") == 2
