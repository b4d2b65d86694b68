"""The shared cache: a database table with values as JSON, never pickle (RELIABILITY.md, control 62)."""

import json
from typing import Any

from django.core.cache.backends import db


class _JsonForPickle:
    """Has the two functions that Django's database cache asks of `pickle`."""

    HIGHEST_PROTOCOL = 0

    @staticmethod
    def dumps(value: Any, protocol: int = 0) -> bytes:
        return json.dumps(value).encode()

    @staticmethod
    def loads(data: bytes) -> Any:
        return json.loads(data)


# Django offers no hook for the format; whoever can write one row of the table must not be able to run code.
db.pickle = _JsonForPickle  # type: ignore[attr-defined]


class JsonDatabaseCache(db.DatabaseCache):
    """Plain JSON values only; anything else is a TypeError at once."""
