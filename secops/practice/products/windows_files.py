"""A registry hive and an event log, written byte by byte as Windows does, so that real parsers read them."""

import zlib
from collections.abc import Callable, Mapping
from functools import partial

NONE = b"\xff" * 4


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


def filetime(at: float) -> bytes:
    """100 nanoseconds since 1601, of seconds since 1970."""
    return number(int((at + 11_644_473_600) * 10_000_000), 8)


def hive(key: str, values: Mapping[str, str], at: float) -> bytes:
    """A registry hive of one key, such as Microsoft\\Windows\\CurrentVersion\\Run, with texts in it.

    `at`, in seconds since 1970, is when the key was last written.
    """
    cells = bytearray()

    def cell(content: bytes) -> int:
        at, size = len(cells) + 32, -(-(len(content) + 4) // 8) * 8
        cells.extend((-size).to_bytes(4, "little", signed=True) + content + bytes(size - 4 - len(content)))
        return at

    def value(name: str, text: str) -> int:
        data = (text + "\0").encode("utf-16-le")
        head = b"vk" + number(len(name), 2) + number(len(data)) + number(cell(data)) + number(1) + number(1, 2)
        return cell(head + b"\0\0" + name.encode())

    listed = cell(b"".join(number(value(name, text)) for name, text in values.items()))
    below = NONE
    for depth, one in enumerate((*reversed(key.split("\\")), "ROOT")):
        has_value, is_root = depth == 0, one == "ROOT"
        node = b"nk" + number(0x2C if is_root else 0x20, 2) + filetime(at) + bytes(4) + NONE
        node += number(0 if below == NONE else 1) + bytes(4) + below + NONE
        node += (number(len(values)) + number(listed)) if has_value else number(0) + NONE
        node += NONE + NONE + bytes(20) + number(len(one), 2) + bytes(2) + one.encode()
        root = cell(node)
        below = number(cell(b"lf" + number(1, 2) + number(root) + one[:4].encode().ljust(4, b"\0")))
    size = -(-(len(cells) + 32) // 4096) * 4096
    free = size - 32 - len(cells)
    if free:
        cells.extend(number(free) + bytes(free - 4))
    head = b"regf" + number(1) + number(1) + filetime(at) + number(1) + number(5) + number(0) + number(1) + number(root)
    head = (head + number(size) + number(1)).ljust(508, b"\0")
    check = 0
    for place in range(0, 508, 4):
        check ^= int.from_bytes(head[place : place + 4], "little")
    bins = b"hbin" + number(0) + number(size) + bytes(20)
    return (head + number(check)).ljust(4096, b"\0") + bins + bytes(cells)


class EventLog:
    """Records without templates (MS-EVEN6 2.2.12): each element and text stands where it is used."""

    def __init__(self) -> None:
        self._chunk = bytearray(512)
        self._count = self._last = 0

    def add(self, event: int, at: float, **fields: str) -> None:
        """One record; `at` in seconds since 1970."""
        self._count, self._last = self._count + 1, len(self._chunk)
        self._chunk += b"**\0\0" + bytes(4) + number(self._count, 8) + filetime(at) + b"\x0f\1\1\0"
        self._element("Event", lambda: self._event(event, fields))
        self._chunk += b"\0"
        size = number(len(self._chunk) - self._last + 4)
        self._chunk[self._last + 4 : self._last + 8] = size
        self._chunk += size

    def content(self) -> bytes:
        """The whole file: its header, and one chunk, which holds some hundred records."""
        counts = number(1, 8) + number(self._count, 8)
        places = number(128) + number(self._last) + number(len(self._chunk)) + number(zlib.crc32(self._chunk[512:]))
        self._chunk[:124] = b"ElfChnk\0" + counts + counts + places + bytes(68)
        self._chunk[124:128] = number(zlib.crc32(self._chunk[:120] + self._chunk[128:512]))
        head = b"ElfFile\0" + bytes(16) + number(self._count + 1, 8) + number(128) + number(1, 2) + number(3, 2)
        head += number(4_096, 2) + number(1, 2) + bytes(76)
        head += number(0) + number(zlib.crc32(head))
        return head.ljust(4_096, b"\0") + bytes(self._chunk).ljust(65_536, b"\0")

    def _event(self, event: int, fields: dict[str, str]) -> None:
        self._element("System", lambda: self._element("EventID", lambda: self._text(str(event))))
        self._element("EventData", lambda: self._data(fields))

    def _data(self, fields: dict[str, str]) -> None:
        for name, value in fields.items():
            self._element("Data", partial(self._text, value), name)

    def _element(self, tag: str, inside: Callable[[], None], attribute: str = "") -> None:
        self._chunk += b"\x41" if attribute else b"\x01"
        at = self._hole()
        self._name(tag)
        if attribute:
            attributes = self._hole()
            self._chunk += b"\x06"
            self._name("Name")
            self._text(attribute)
            self._fill(attributes)
        self._chunk += b"\x02"
        inside()
        self._chunk += b"\x04"
        self._fill(at)

    def _hole(self) -> int:
        self._chunk += bytes(4)
        return len(self._chunk)

    def _fill(self, at: int) -> None:
        """The size of what was written since, into the hole before it."""
        self._chunk[at - 4 : at] = number(len(self._chunk) - at)

    def _name(self, text: str) -> None:
        here = number(len(self._chunk) + 4)
        self._chunk += here + bytes(6) + number(len(text), 2) + text.encode("utf-16-le") + b"\0\0"

    def _text(self, text: str) -> None:
        self._chunk += b"\x05\x01" + number(len(text), 2) + text.encode("utf-16-le")
