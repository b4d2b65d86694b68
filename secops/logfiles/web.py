"""Questions about unencrypted web requests."""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

from datetime import datetime

from secops.connectors.capabilities.identity import Host
from secops.connectors.capabilities.traffic import WebRequest
from secops.logfiles.clock import aware, naive
from secops.logfiles.flows import SAME_FLOW_SECONDS, of_addresses
from secops.logfiles.leases import spans_of
from secops.logfiles.store import LogStore

MOST_REQUESTS = 5_000


def web_requests(store: LogStore, host: Host, start: datetime, end: datetime) -> list[WebRequest]:
    """What the device asked for, oldest first, at most 5,000; what two sensors saw is told once."""
    spans = spans_of(store, host, naive(start), naive(end))
    if not spans:
        return []
    mine, values = of_addresses("orig", spans)
    found = store.query(
        f"""
        WITH own AS (SELECT * FROM web WHERE {mine})
        SELECT seen_at, method, host, path, status, bytes_in, bytes_out, user_agent, referrer, content_type FROM own
        WHERE NOT EXISTS (
            SELECT 1 FROM own AS other WHERE other.rank < own.rank AND other.orig = own.orig
            AND other.orig_port = own.orig_port AND other.resp = own.resp AND other.path = own.path
            AND abs(epoch(other.seen_at) - epoch(own.seen_at)) < {SAME_FLOW_SECONDS}
        )
        ORDER BY seen_at LIMIT {MOST_REQUESTS}""",
        values,
    )
    names = (
        "method",
        "host",
        "path",
        "status",
        "bytes_in",
        "bytes_out",
        "user_agent",
        "referrer",
        "content_type",
    )
    return [WebRequest(at=aware(at), **dict(zip(names, rest, strict=True))) for at, *rest in found]
