"""The database's clock: leases and deadlines never depend on the clock of a worker."""

from datetime import UTC, datetime, timedelta

from django.db import connection

from secops.errors import SecopsError


def now() -> datetime:
    """The moment of this statement, aware, in UTC."""
    query = (
        "SELECT STATEMENT_TIMESTAMP()"
        if connection.vendor == "postgresql"
        else "SELECT STRFTIME('%Y-%m-%dT%H:%M:%f', 'NOW')"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    if row is None:
        raise SecopsError("The database does not tell the time.")
    found = row[0]
    return found if isinstance(found, datetime) else datetime.fromisoformat(found).replace(tzinfo=UTC)


def after(seconds: float) -> datetime:
    """So many seconds from now."""
    return now() + timedelta(seconds=seconds)
