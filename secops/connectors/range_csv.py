"""Address ranges from CSV files in the form of @ip-location-db: start, end, then what is known of the range."""

import csv
import gzip
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, TextIO

# The columns after start and end, by what a row looks like.
OWNER = ("autonomous_system_number", "autonomous_system_organization")
COUNTRY = ("country_code",)
COUNTRY_CITY = ("country_code", "city")
CITY = ("country_code", "state1", "state2", "city", "postcode", "latitude", "longitude", "timezone")


class RangeTable:
    """Sorted ranges; equal facts are kept once, so half a million rows take some ten megabytes."""

    def __init__(self) -> None:
        self.facts: list[dict[str, Any]] = []
        self._numbers: dict[tuple[str, ...], int] = {}
        self._v4 = (array("L"), array("L"), array("L"))
        self._v6: tuple[list[int], list[int], list[int]] = ([], [], [])

    @classmethod
    def read(cls, path: Path) -> "RangeTable":
        """ValueError when the file holds no range that can be read."""
        table = cls()
        for version, first, last, rest in _rows(path):
            table._add(version, first, last, rest)
        table._sort()
        if not table.facts:
            raise ValueError("no range in the file")
        return table

    def look(self, address: str) -> dict[str, Any] | None:
        """What is known of the range that holds the address."""
        ip = ip_address(address)
        firsts, lasts, numbers = self._v4 if ip.version == 4 else self._v6
        at = bisect_right(firsts, int(ip)) - 1
        return self.facts[numbers[at]] if at >= 0 and int(ip) <= lasts[at] else None

    def _sort(self) -> None:
        """Such files are sorted already; one that is not is put in order."""
        for columns in (self._v4, self._v6):
            firsts = columns[0]
            if any(firsts[at] < firsts[at - 1] for at in range(1, len(firsts))):
                rows = sorted(zip(*columns, strict=True))
                for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                    column[:] = array("L", values) if isinstance(column, array) else list(values)

    def _add(self, version: int, first: int, last: int, rest: tuple[str, ...]) -> None:
        number = self._numbers.get(rest)
        if number is None:
            number = self._numbers[rest] = len(self.facts)
            self.facts.append(dict(zip(_columns(rest), rest, strict=False)))
        for column, value in zip(self._v4 if version == 4 else self._v6, (first, last, number), strict=True):
            column.append(value)


def _rows(path: Path) -> Iterator[tuple[int, int, int, tuple[str, ...]]]:
    """Version, first, last and the rest of each row; a header line is passed over."""
    with _opened(path) as lines:
        for row in csv.reader(lines):
            if len(row) < 3:
                continue
            try:
                (version, first), (_, last) = _bound(row[0]), _bound(row[1])
            except (OSError, ValueError):
                continue
            yield version, first, last, tuple(row[2:])


def _opened(path: Path) -> TextIO:
    return gzip.open(path, "rt", newline="") if path.name.endswith(".gz") else path.open(newline="")


def _bound(text: str) -> tuple[int, int]:
    """Version and number of a bound: an address, or the number that the -num files hold."""
    if text.isdecimal():
        return (4 if len(text) < 11 else 6), int(text)
    if ":" in text:
        return 6, int.from_bytes(inet_pton(AF_INET6, text))
    return 4, int.from_bytes(inet_pton(AF_INET, text))


def _columns(rest: tuple[str, ...]) -> tuple[str, ...]:
    if rest[0].upper().removeprefix("AS").isdecimal():
        return OWNER
    if len(rest) == 1:
        return COUNTRY
    return COUNTRY_CITY if len(rest) < len(CITY) else CITY
