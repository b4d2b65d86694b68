"""Who had which address when: dhcp.log as two timelines, one of each device and one of each address.

A device has an address from one acknowledgement until it is given another address or another device is given that one.
The first known lease of a device reaches back before the log, as far as nobody else is known to have had the address.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secops.connectors.capabilities.identity import Host, Lease
from secops.logfiles.clock import EARLIEST, LATEST, aware, naive
from secops.logfiles.store import LogStore
from secops.logfiles.windows import short_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An address that was the device's from `start` to before `end`, both UTC without a zone."""

    address: str
    start: datetime
    end: datetime

    def within(self, start: datetime, end: datetime) -> "Span | None":
        """The part inside the window, or None."""
        low, high = max(self.start, start), min(self.end, end)
        return Span(address=self.address, start=low, end=high) if low <= high else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """One line of dhcp.log: the server lent the address, for `seconds`."""

    at: datetime
    address: str
    mac: str
    hostname: str
    seconds: float


class LeaseBook:
    """All acknowledgements of a folder, oldest first."""

    def __init__(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        self._all = sorted(acknowledgements, key=lambda one: one.at)
        self.last_at = self._all[-1].at if self._all else None
        self._of_mac: dict[str, list[Acknowledgement]] = {}
        self._of_address: dict[str, list[Acknowledgement]] = {}
        self._hostname: dict[str, str] = {}
        self._macs: dict[str, set[str]] = {}
        for one in self._all:
            self._of_mac.setdefault(one.mac, []).append(one)
            self._of_address.setdefault(one.address, []).append(one)
            if name := short_name(one.hostname):
                self._hostname[one.mac] = one.hostname.split(".")[0]
                self._macs.setdefault(name, set()).add(one.mac)

    def lease_at(self, address: str, at: datetime) -> Lease | None:
        """The lease that covers the moment (UTC, no zone), renewals joined; no `ends_at` while the log shows none."""
        given = self._of_address.get(address.lower(), [])
        index = bisect_right(given, at, key=lambda one: one.at) - 1
        if index < 0 or at >= _runs_out(given, index):
            return None
        first = last = index
        while first and given[first - 1].mac == given[index].mac and _runs_out(given, first - 1) >= given[first].at:
            first -= 1
        while (
            last + 1 < len(given)
            and given[last + 1].mac == given[index].mac
            and _runs_out(given, last) >= given[last + 1].at
        ):
            last += 1
        ends_at = _runs_out(given, last)
        return Lease(
            address=address,
            mac=given[index].mac,
            hostname=self._hostname.get(given[index].mac, ""),
            starts_at=aware(given[first].at),
            ends_at=aware(ends_at) if self.last_at and ends_at <= self.last_at else None,
        )

    def spans(self, host: Host, at: datetime) -> list[Span]:
        """Every address of the device with its time; `host.address` alone means who had it at `at` (UTC, no zone)."""
        address = host.address.lower()
        macs = self._macs_of(host)
        if not macs and address:
            holder = self.holder(address, at)
            macs = [holder] if holder else []
        if not macs:
            return [Span(address=address, start=EARLIEST, end=LATEST)] if address else []
        return [
            span
            for mac in macs
            for number in range(len(self._of_mac[mac]))
            for span in self._spans_of_one(self._of_mac[mac], number)
        ]

    def holder(self, address: str, at: datetime) -> str:
        """The MAC of the device that had the address then, or an empty text when the log names none."""
        given = self._of_address.get(address.lower(), [])
        if not given:
            return ""
        return given[max(bisect_right(given, at, key=lambda one: one.at) - 1, 0)].mac

    def hostname(self, address: str, at: datetime) -> str:
        """The name of the device that had the address then, or an empty text."""
        return self._hostname.get(self.holder(address, at), "")

    def names_of(self, host: Host, at: datetime) -> list[str]:
        """Lower-case short names under which logs may know the device."""
        names = [host.name] if host.name else []
        macs = self._macs_of(host)
        if not names and not macs and host.address:
            macs = [self.holder(host.address, at)]
        names += [self._hostname[mac] for mac in macs if mac in self._hostname]
        return list(dict.fromkeys(short_name(name) for name in names))

    def _macs_of(self, host: Host) -> list[str]:
        mac = host.mac.lower().replace("-", ":")
        known = set(self._macs.get(short_name(host.name), set())) if host.name else set()
        return sorted(known | ({mac} if mac in self._of_mac else set()))

    def _spans_of_one(self, own: Sequence[Acknowledgement], number: int) -> list[Span]:
        """Where this acknowledgement holds for its device, less the times in which others had the address."""
        one = own[number]
        start = own[number].at if number else EARLIEST
        end = own[number + 1].at if number + 1 < len(own) else LATEST
        spans = []
        given = self._of_address[one.address]
        for index, other in enumerate(given):
            if other.mac != one.mac:
                continue
            low = max(start, other.at if index else EARLIEST)
            high = min(end, given[index + 1].at if index + 1 < len(given) else LATEST)
            if low < high:
                spans.append(Span(address=one.address, start=low, end=high))
        return spans


def _runs_out(given: Sequence[Acknowledgement], index: int) -> datetime:
    """When the loan ends: its time is over, or the address went to another device before."""
    one = given[index]
    end = one.at + timedelta(seconds=one.seconds)
    taken = next((other.at for other in given[index + 1 :] if other.mac != one.mac), None)
    return min(end, taken) if taken else end


def lease_book(store: LogStore) -> LeaseBook:
    """The book of the present files, made once."""
    store.refresh()
    book = store.memo.get("leases")
    if book is None:
        found = store.query("SELECT seen_at, lower(address), mac, hostname, seconds FROM leases ORDER BY seen_at")
        names = ("at", "address", "mac", "hostname", "seconds")
        book = LeaseBook(Acknowledgement(**dict(zip(names, row, strict=True))) for row in found)
        store.memo["leases"] = book
    return book


def lease_at(store: LogStore, address: str, at: datetime) -> Lease | None:
    """The lease of dhcp.log that covers the minute, or None."""
    return lease_book(store).lease_at(address, naive(at))


def spans_of(store: LogStore, host: Host, start: datetime, end: datetime) -> list[Span]:
    """The device's addresses within the window, joined where they touch (UTC, no zone).

    A device that no lease names is looked for in its own Sysmon connections.
    """
    book = lease_book(store)
    spans = book.spans(host, end) or _seen_by_sysmon(store, host)
    inside = [part for span in spans if (part := span.within(start, end))]
    return _joined(inside)


def _seen_by_sysmon(store: LogStore, host: Host) -> list[Span]:
    if not host.name:
        return []
    found = store.query(
        "SELECT DISTINCT address FROM events WHERE host = ? AND event = 3 AND address <> ''",
        [short_name(host.name)],
    )
    return [Span(address=address.lower(), start=EARLIEST, end=LATEST) for (address,) in found]


def _joined(spans: Iterable[Span]) -> list[Span]:
    result: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.address, one.start)):
        last = result[-1] if result else None
        if last and last.address == span.address and span.start <= last.end:
            result[-1] = Span(address=span.address, start=last.start, end=max(last.end, span.end))
        else:
            result.append(span)
    return result
