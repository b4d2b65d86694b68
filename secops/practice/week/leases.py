"""The simulated network's DHCP: who held which address from when to when, and the renewals that say so."""

from collections.abc import Iterable
from dataclasses import dataclass

from secops.practice.week.roster import ADDRESS_CHANGE_DAYS, ARRIVED, EARLIER_ADDRESS, PUT_AWAY

DAY = 86_400.0
LIFETIME = 86_400
HISTORY_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A device that may use an address from `start` until `end` (epoch seconds)."""

    device: str
    address: str
    start: float
    end: float
    is_static: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """One DHCP answer; the device keeps the address for LIFETIME seconds from `at`."""

    at: float
    device: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSpan:
    """An unbroken lease; `end` None while it runs on, `renewed` the last renewal."""

    device: str
    address: str
    start: float
    end: float | None
    renewed: float


def holdings_of(rows: Iterable[tuple[str, str, str, str, str, str]], anchor: float) -> list[Holding]:
    """Who was meant to have which address over the last month."""
    holdings = []
    for name, kind, _, _, _, tail in rows:
        start = anchor - ARRIVED.get(name, HISTORY_DAYS) * DAY
        end = anchor - PUT_AWAY[name] * DAY if name in PUT_AWAY else anchor + HISTORY_DAYS * DAY
        is_static = kind in ("server", "domain_controller")
        if name in EARLIER_ADDRESS:
            changed = anchor - ADDRESS_CHANGE_DAYS * DAY
            holdings.append(_holding(name, EARLIER_ADDRESS[name], start, changed, is_static))
            start = changed
        holdings.append(_holding(name, f"10.20.{tail}", start, end, is_static))
    return holdings


def _holding(name: str, address: str, start: float, end: float, is_static: bool) -> Holding:
    return Holding(device=name, address=address, start=start, end=end, is_static=is_static)


def spans_of(renewals: Iterable[Renewal], anchor: float) -> list[LeaseSpan]:
    """Unbroken leases from the renewals, oldest first; one ends early where the device took another address."""
    spans: list[LeaseSpan] = []
    running: dict[str, LeaseSpan] = {}
    for renewal in sorted(renewals, key=lambda each: (each.at, each.device)):
        before = running.get(renewal.device)
        if before and before.address == renewal.address and renewal.at <= before.renewed + LIFETIME:
            start = before.start
        else:
            start = renewal.at
            if before:
                spans.append(_closed(before, min(before.renewed + LIFETIME, renewal.at)))
        running[renewal.device] = LeaseSpan(
            device=renewal.device, address=renewal.address, start=start, end=None, renewed=renewal.at
        )
    for span in running.values():
        ends = span.renewed + LIFETIME
        spans.append(span if ends > anchor else _closed(span, ends))
    return sorted(spans, key=lambda span: (span.start, span.device))


def _closed(span: LeaseSpan, end: float) -> LeaseSpan:
    return LeaseSpan(device=span.device, address=span.address, start=span.start, end=end, renewed=span.renewed)
