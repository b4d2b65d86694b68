"""Who was signed in, from the Security log: 4624 opens a session, 4634 or 4647 with the same logon id ends it."""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

from datetime import datetime

from secops.connectors.capabilities.identity import Host, SignIn
from secops.logfiles.clock import aware, naive
from secops.logfiles.processes import of_host
from secops.logfiles.store import LogStore

MOST_SESSIONS = 1_000
# 2 console, 7 unlock, 9 runas /netonly, 11 and 13 cached; 3, 8 network, 10, 12 remote desktop; 4 batch, 5 service
KINDS = {
    **dict.fromkeys((2, 7, 9, 11, 13), "interactive"),
    **dict.fromkeys((3, 8), "network"),
    **dict.fromkeys((10, 12), "remote"),
    **dict.fromkeys((4, 5), "service"),
}
UNLOCK = 7
NOBODY = r"^(.*\$|system|local service|network service|anonymous logon|dwm-\d+|umfd-\d+|)$"  # Windows itself


def sign_ins(store: LogStore, host: Host, start: datetime, end: datetime) -> list[SignIn]:
    """Sessions of people and service accounts that touch the window, oldest first, at most 1,000."""
    mine, values = of_host(store, host, end)
    found = store.query(
        f"""
        WITH opened AS (
            SELECT host, logon, min(seen_at) AS began, any_value(account) AS login,
                any_value(address) AS address, any_value(logon_kind) AS kind
            FROM events WHERE {mine} AND event = 4624 AND seen_at <= ?
                AND NOT regexp_matches(lower(coalesce(account, '')), '{NOBODY}')
            GROUP BY host, logon
        ), closed AS (
            SELECT host, logon, min(seen_at) AS ended FROM events
            WHERE {mine} AND event IN (4634, 4647) GROUP BY host, logon
        )
        SELECT login, host, began, ended, address, kind FROM opened LEFT JOIN closed USING (host, logon)
        WHERE coalesce(ended, CASE kind WHEN {UNLOCK} THEN began END, TIMESTAMP 'infinity') >= ?
        ORDER BY began LIMIT {MOST_SESSIONS}""",
        [*values, naive(end), *values, naive(start)],
    )
    return [
        SignIn(
            login=login.lower(),
            device=device,
            started_at=aware(began),
            ended_at=_end(began, ended, kind),
            address=address or "",
            kind=KINDS.get(kind, ""),
        )
        for login, device, began, ended, address, kind in found
    ]


def _end(began: datetime, ended: datetime | None, kind: int | None) -> datetime | None:
    """Unlocking gives a logon of its own that nothing ends: the session it belongs to has its own line."""
    if kind == UNLOCK and ended is None:
        return aware(began)
    return aware(ended) if ended and ended >= began else None
