"""Questions about connections: what a device sent, to whom, who came to it, who else goes there.

A connection that several sensors or files tell is counted once, Zeek's line before Suricata's: the same five ends
within two seconds, but in another file. Zeek counts content, Suricata packets with their headers.
"""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from secops.connectors.capabilities.identity import Host
from secops.connectors.capabilities.traffic import DayVolume, Flow, PeerTotal, Window
from secops.logfiles.clock import aware, naive
from secops.logfiles.leases import Span, lease_book, spans_of
from secops.logfiles.store import LogStore
from secops.networks import is_address, stays_inside

MOST_FLOWS = 20_000
MOST_PEERS = 500
SHORT_SECONDS = 1.0
SAME_FLOW_SECONDS = 2  # two sensors may date the same connection differently by so much
SAME_ENDS = " AND ".join(
    f"other.{name} = both_ways.{name}" for name in ("orig", "orig_port", "resp", "resp_port", "proto", "is_inbound")
)
COLUMNS = "seen_at, seconds, device, peer, port, proto, bytes_out, bytes_in, is_inbound, service, name"


def connections(store: LogStore, host: Host, peer: str, start: datetime, end: datetime) -> list[Flow]:
    """Between the device and one peer (address or logged name), oldest first, at most 20,000."""
    condition = "peer = ?" if is_address(peer) else "name = ?"
    return _flows(store, host, start, end, condition, [peer.lower()])


def fan_out(store: LogStore, host: Host, start: datetime, end: datetime) -> list[Flow]:
    """What the device opened and what was short or got no answer, oldest first, at most 20,000."""
    return _flows(store, host, start, end, f"NOT is_inbound AND (is_failed OR seconds < {SHORT_SECONDS})", [])


def volumes(store: LogStore, host: Host, end: datetime, days: int, *, internal: bool) -> list[DayVolume]:
    """One per 24 hours before `end`, the latest first; both who opened it and who answered count."""
    until = naive(end)
    totals: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    with_own = _own(store, host, until - timedelta(days=days), until)
    if with_own:
        own, values = with_own
        found = store.query(
            f"{own} SELECT CAST(floor((epoch(CAST(? AS TIMESTAMP)) - epoch(seen_at)) / 86400) AS INTEGER) AS day, "
            "peer, sum(bytes_out), sum(bytes_in), count(*) FROM own GROUP BY ALL",
            [*values, until],
        )
        for day, peer, bytes_out, bytes_in, number in found:
            if stays_inside(peer, store.networks) == internal:
                so_far = totals[min(day, days - 1)]
                totals[min(day, days - 1)] = [
                    now + more for now, more in zip(so_far, (bytes_out, bytes_in, number, 1), strict=True)
                ]
    return [
        DayVolume(
            days_ago=day,
            bytes_out=int(totals[day][0]),
            bytes_in=int(totals[day][1]),
            connections=int(totals[day][2]),
            peers=totals[day][3],
        )
        for day in range(days)
    ]


def peers(store: LogStore, host: Host, start: datetime, end: datetime, *, inbound: bool) -> list[PeerTotal]:
    """Busiest by bytes first, at most 500. Outbound one per peer and port; inbound one per peer, `port` the
    device's own that it reached most."""
    with_own = _own(store, host, naive(start), naive(end))
    if not with_own:
        return []
    own, values = with_own
    port, group = ("mode(port)", "peer") if inbound else ("port", "peer, port")
    found = store.query(
        f"{own} SELECT peer, coalesce(mode(name), ''), {port}, count(*), sum(bytes_out), sum(bytes_in), "
        f"min(seen_at), max(seen_at) FROM own WHERE is_inbound = ? GROUP BY {group} "
        f"ORDER BY sum(bytes_out + bytes_in) DESC, count(*) DESC, peer LIMIT {MOST_PEERS}",
        [*values, inbound],
    )
    return [
        PeerTotal(
            peer=peer,
            peer_name=name,
            port=port or 0,
            connections=number,
            bytes_out=int(bytes_out),
            bytes_in=int(bytes_in),
            first_at=aware(first_at),
            last_at=aware(last_at),
            is_internal=stays_inside(peer, store.networks),
        )
        for peer, name, port, number, bytes_out, bytes_in, first_at, last_at in found
    ]


def talkers(store: LogStore, peer: str, start: datetime, end: datetime) -> list[str]:
    """Inside devices that reached the peer (address or logged name), named where a lease tells it, else by address."""
    condition = "resp = ?" if is_address(peer) else "uid IN (SELECT uid FROM names WHERE name = ? AND uid IS NOT NULL)"
    found = store.query(
        f"SELECT orig, max(seen_at) FROM flows WHERE seen_at BETWEEN ? AND ? AND {condition} "
        "GROUP BY orig, date_trunc('hour', seen_at)",
        [naive(start), naive(end), peer.lower()],
    )
    book = lease_book(store)
    inside = [(address, at) for address, at in found if stays_inside(address, store.networks)]
    return sorted({book.hostname(address, at) or address for address, at in inside})


def flow_window(store: LogStore) -> Window:
    """From the first to the last logged connection."""
    ((start, end),) = store.query("SELECT min(seen_at), max(seen_at) FROM flows")
    return Window(start=aware(start) if start else None, end=aware(end) if end else None)


def of_addresses(column: str, spans: Sequence[Span]) -> tuple[str, list[Any]]:
    """SQL that holds where the column was one of the device's addresses at that time, and its values."""
    condition = " OR ".join(f"({column} = ? AND seen_at BETWEEN ? AND ?)" for _ in spans)
    values = [value for span in spans for value in (span.address, span.start, span.end)]
    return f"({condition})", values


def _own(store: LogStore, host: Host, start: datetime, end: datetime) -> tuple[str, list[Any]] | None:
    """A WITH clause that ends in the table `own`: the device's traffic seen from the device."""
    spans = spans_of(store, host, start, end)
    if not spans:
        return None
    opened, values = of_addresses("orig", spans)
    answered, _ = of_addresses("resp", spans)
    shared = (
        "rank, seen_at, seconds, uid, proto, service, is_failed, orig, orig_port, resp, resp_port, resp_port AS port"
    )
    sql = f"""
        WITH both_ways AS MATERIALIZED (
            SELECT {shared}, orig AS device, resp AS peer, orig_bytes AS bytes_out, resp_bytes AS bytes_in,
                FALSE AS is_inbound FROM flows WHERE {opened}
            UNION ALL
            SELECT {shared}, resp AS device, orig AS peer, resp_bytes AS bytes_out, orig_bytes AS bytes_in,
                TRUE AS is_inbound FROM flows WHERE {answered}
        ), once AS MATERIALIZED (
            SELECT * FROM both_ways WHERE NOT EXISTS (
                SELECT 1 FROM both_ways AS other WHERE other.rank < both_ways.rank
                AND {SAME_ENDS} AND abs(epoch(other.seen_at) - epoch(both_ways.seen_at)) < {SAME_FLOW_SECONDS}
            )
        ), own AS (
            SELECT once.*, named.name FROM once LEFT JOIN (
                SELECT uid, mode(name) AS name FROM names
                WHERE seen_at BETWEEN ? AND ? AND uid IN (SELECT uid FROM once) GROUP BY uid
            ) AS named USING (uid)
        )"""
    return sql, [*values, *values, start - timedelta(minutes=10), end + timedelta(hours=1)]


def _flows(
    store: LogStore, host: Host, start: datetime, end: datetime, condition: str, wanted: list[Any]
) -> list[Flow]:
    with_own = _own(store, host, naive(start), naive(end))
    if not with_own:
        return []
    own, values = with_own
    found = store.query(
        f"{own} SELECT {COLUMNS} FROM own WHERE {condition} ORDER BY seen_at LIMIT {MOST_FLOWS}",
        [*values, *wanted],
    )
    return [
        Flow(
            at=aware(at),
            seconds=seconds,
            device=device,
            peer=peer,
            peer_port=port or 0,
            proto=proto or "",
            bytes_out=bytes_out,
            bytes_in=bytes_in,
            is_inbound=is_inbound,
            service=service,
            peer_name=name or "",
        )
        for at, seconds, device, peer, port, proto, bytes_out, bytes_in, is_inbound, service, name in found
    ]
