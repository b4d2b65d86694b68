"""Cuts JSON text into its top-level objects without decoding it: lists, objects one after another, any line breaks.

Chunks may end anywhere. A broken object costs itself, not its neighbours, as long as its brackets close.
"""

import re
from collections.abc import Iterator

# Patterns never give back what they took (`++`, `*+`), so their time grows with the text and not faster.
STRING = rb'"(?:[^"\\]++|\\.)*+"'


def nested(levels: int) -> bytes:
    """A pattern for a whole object or list with up to so many levels below it."""
    inner = rb'[^"{}\[\]]++|' + STRING
    below = inner if levels == 0 else inner + b"|" + nested(levels - 1)
    return rb"[{\[](?:" + below + rb")*+[}\]]"


MAX_BRACKETS = 1000  # open at once; what is deeper is not even searched for its end
_WHOLE = re.compile(nested(5), re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"{}\[\]]++|' + STRING + b"|" + nested(3) + rb")*+", re.DOTALL)
_BETWEEN = re.compile(rb"[\s,]*+")
_JUNK = re.compile(rb'(?:[^\n,{}\[\]"]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))++', re.DOTALL)


class Elements:
    """Feed chunks, get the bytes of each element; None stands for one that is larger than `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.is_list = False  # a list was opened somewhere
        self._data = b""
        self._position = 0  # up to here the data is understood
        self._start: int | None = None  # where the element being read begins
        self._depth = 0  # brackets open inside that element
        self._is_in_list = False
        self._is_skipping = False
        self._is_lost = False

    def feed(self, chunk: bytes, *, is_final: bool = False) -> Iterator[bytes | None]:
        """The elements that are whole with this chunk; the final one also brings what was never closed."""
        if self._is_lost:
            return
        self._data = self._data + chunk if self._data else chunk
        while self._position < len(self._data) and not self._is_lost:
            before = self._position
            yield from self._between(is_final=is_final) if self._start is None else self._inside()
            if self._position == before:
                break
        if is_final or self._is_lost:
            yield from self._rest()
        else:
            self._forget()

    def _between(self, *, is_final: bool) -> Iterator[bytes | None]:
        self._position = position = _BETWEEN.match(self._data, self._position).end()  # type: ignore[union-attr]
        sign = self._data[position : position + 1]
        if sign == b"[" and not self._is_in_list:
            self._is_in_list = self.is_list = True
            self._position += 1
        elif sign == b"]" and self._is_in_list:
            self._is_in_list = False
            self._position += 1
        elif sign in {b"{", b"["}:
            yield from self._element(position)
        elif sign:
            yield from self._junk(position, is_final=is_final)

    def _element(self, position: int) -> Iterator[bytes | None]:
        if whole := _WHOLE.match(self._data, position):
            self._position = whole.end()
            yield self._fitting(position, whole.end())
        else:
            self._start, self._depth = position, 1
            self._position += 1

    def _inside(self) -> Iterator[bytes | None]:
        self._position = position = _INSIDE.match(self._data, self._position).end()  # type: ignore[union-attr]
        sign = self._data[position : position + 1]
        if sign in {b"{", b"["}:
            self._depth += 1
            self._position += 1
            self._is_lost = self._depth > MAX_BRACKETS
        elif sign in {b"}", b"]"}:
            self._depth -= 1
            self._position += 1
            if self._depth == 0 and self._start is not None:
                yield None if self._is_skipping else self._fitting(self._start, self._position)
                self._start, self._is_skipping = None, False

    def _junk(self, position: int, *, is_final: bool) -> Iterator[bytes]:
        """Whatever stands between two elements and is neither space nor comma."""
        junk = _JUNK.match(self._data, position)
        end = junk.end() if junk else position + 1
        if end < len(self._data) or is_final or end - position > self.max_bytes:
            self._position = end
            yield self._data[position:end][: self.max_bytes]

    def _fitting(self, start: int, end: int) -> bytes | None:
        return self._data[start:end] if end - start <= self.max_bytes else None

    def _rest(self) -> Iterator[bytes | None]:
        if self._start is not None:
            rest = self._data[self._start :]
            yield None if self._is_skipping or len(rest) > self.max_bytes else rest
        elif self._is_in_list:
            yield b"["  # the list was never closed: what came may not be all

    def _forget(self) -> None:
        """Drop what was read, and the body of an element that is too large already."""
        if self._start is not None and len(self._data) - self._start > self.max_bytes:
            self._is_skipping = True
        keep = self._position if self._start is None or self._is_skipping else self._start
        if self._start is not None:
            self._start = 0
        self._data = self._data[keep:]
        self._position -= keep
