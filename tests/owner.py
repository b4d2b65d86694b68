"""What somebody who owns the database can do: take the triggers of custody away for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.db import connection

migration = import_module("cases.migrations.0002_evidence")


@contextmanager
def unprotected() -> Iterator[None]:
    """Somebody owns the database: the triggers are gone for a while."""
    _order(migration.LIFTED)
    try:
        yield
    finally:
        _order(migration.TRIGGERS)


def _order(orders: dict[str, list[str]]) -> None:
    connection.check_constraints()  # PostgreSQL changes no table that has checks waiting
    with connection.cursor() as cursor:
        for order in orders[connection.vendor]:
            cursor.execute(order)
