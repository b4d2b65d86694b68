"""A memory image: addresses, URLs and names that stand in it as text, and the rules that match."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from ipaddress import ip_address

from enrichment.forensics.image import Descriptor
from enrichment.forensics.notebook import Notebook
from enrichment.forensics.scanner import OVERLAP, WINDOW, Hit, Rules

NAME, VERSION = "YARA-X and strings", version("yara-x")
MOST_DISTINCT = 50_000  # of one kind: then only what is known already is counted on
SHOWN = 100
EDGE = 1_024  # bytes that a text may reach over the border of two windows
LEAD = 64  # bytes before a window, where the beginning of a text may stand
# Each begins with a fixed text, which is what makes them quick; what stands before it is looked at afterwards.
_URL = re.compile(rb"://[\x21\x23-\x26\x28-\x3b\x3d\x3f-\x7e]{4,300}")
_IP = re.compile(rb"\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.])")
_WIDE_URL = re.compile(rb":\0/\0/\0(?:[\x21\x23-\x26\x28-\x3b\x3d\x3f-\x7e]\0){4,300}")
_WIDE_IP = re.compile(rb"\.\0(?:\d\0){1,3}\.\0(?:\d\0){1,3}\.\0(?:\d\0){1,3}(?![\w.]\0)")
_SCHEME = re.compile(r"(?:https?|ftp)$", re.I)
_FIRST = re.compile(r"(?<![\w.])\d{1,3}$")


class Tool:
    def __init__(self, rules: Rules, notebook: Notebook) -> None:
        self._rules, self._notes = rules, notebook
        self._urls: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self._hits: dict[str, tuple[Hit, int, int]] = {}  # rule -> hit, how many windows, first offset

    def run(self, file: Descriptor) -> Iterator[bytes]:
        offset = 0
        while offset < file.size and not self._notes.is_late:
            lead = min(LEAD, offset)
            region = os.pread(file._number, lead + WINDOW + OVERLAP, offset - lead)
            window = region[lead:]
            self._strings(region[: lead + WINDOW + EDGE], lead)
            for hit in self._rules.scan(window, f"the window at {offset:#x}"):
                _, count, first = self._hits.get(hit.rule, (hit, 0, offset))
                self._hits[hit.rule] = (hit, count + 1, first)
            offset += WINDOW
        self._tell(min(offset, file.size))
        return iter(())

    def _strings(self, window: bytes, lead: int) -> None:
        """Texts whose fixed part lies in the window itself: each is counted in one window only."""
        for pattern, width in ((_URL, 1), (_WIDE_URL, 2)):
            for found in _inside(pattern, window, lead):
                if scheme := _SCHEME.search(_before(window, found.start(), width)):
                    self._count(self._urls, scheme[0].lower() + _text(found[0]))
        for pattern, width in ((_IP, 1), (_WIDE_IP, 2)):
            for found in _inside(pattern, window, lead):
                if first := _FIRST.search(_before(window, found.start(), width)):
                    address = first[0] + _text(found[0])
                    if _is_outside(address):
                        self._count(self._addresses, address)

    def _count(self, counter: Counter[str], value: str) -> None:
        if value in counter or len(counter) < MOST_DISTINCT:
            counter[value] += 1
        else:
            self._notes.limit(f"More than {MOST_DISTINCT:,} different values: the later ones are not counted.")

    def _tell(self, size: int) -> None:
        self._notes.fact("Read", f"{size:,} bytes")
        self._notes.fact("Different URLs", f"{len(self._urls):,}")
        self._notes.fact("Different outside addresses", f"{len(self._addresses):,}")
        for hit, count, first in self._hits.values():
            where = f"in {count} window{'s' if count > 1 else ''}, first at {first:#x}"
            self._notes.note("the memory image", [str(hit)], details=f"{hit.meaning}; {where}")
        for kind, counter in (("url", self._urls), ("ip", self._addresses)):
            for value in sorted(counter):
                if value.lower() in self._notes.known:
                    self._notes.note(value, ["Named in this case"], details=f"{kind}, {counter[value]} times in memory")
        for title, counter in (("URLs in memory", self._urls), ("Outside addresses in memory", self._addresses)):
            rows = [[value, f"{count:,}"] for value, count in counter.most_common(SHOWN)]
            self._notes.table(title, ["Value", "Times"], rows)


def _inside(pattern: re.Pattern[bytes], window: bytes, lead: int) -> Iterator[re.Match[bytes]]:
    return (found for found in pattern.finditer(window, lead) if found.start() < lead + WINDOW)


def _before(window: bytes, at: int, width: int) -> str:
    """The few characters before a place, in text of one or two bytes each."""
    return window[max(0, at - 6 * width) : at][::width].decode("latin-1")


def _text(found: bytes) -> str:
    return found.replace(b"\0", b"").decode("ascii", "replace")


def _is_outside(value: str) -> bool:
    try:
        return ip_address(value).is_global
    except ValueError:
        return False
