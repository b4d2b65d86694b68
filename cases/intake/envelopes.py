"""Envelopes as bytes: one body with several alerts becomes several bodies with one alert each, envelope kept."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from cases.intake.elements import MAX_BRACKETS, STRING, nested
from cases.intake.unwrap import MAX_ENVELOPES, inner_key, list_key

MAX_KEPT = 4096  # bytes of envelope that go along with each alert
MAX_COUNTED = 2000  # alerts up to which the end of an envelope is looked for
_MAX_MEMBERS = 100
_CHILD = re.compile(rb'(?:[^"{}\[\],]++|' + STRING + b"|" + nested(5) + rb")*+", re.DOTALL)
_KEY = re.compile(rb"\s*+(" + STRING + rb")\s*+:\s*+", re.DOTALL)

type Span = tuple[int, int]


def one_by_one(body: bytes) -> Iterator[bytes]:
    """A body for each alert of an envelope of several, or nothing where the body is none."""
    start = len(body) - len(body.lstrip())
    for _ in range(MAX_ENVELOPES):
        if body[start : start + 1] != b"{":
            return
        members = dict(islice(_members(body, start), _MAX_MEMBERS))
        shallow = {key: _shallow(body, span) for key, span in members.items()}
        if key := list_key(shallow):
            items = _children(body, members[key][0])
            first = list(islice(items, 2))
            if len(first) != 1:
                yield from _bodies(body, chain(first, items))
                return
            start = first[0][0]
        elif key := inner_key(shallow):
            start = members[key][0]
        else:
            return


def _bodies(body: bytes, items: Iterator[Span]) -> Iterator[bytes]:
    counted = list(islice(items, MAX_COUNTED))
    if not counted:
        return
    before, after = body[: counted[0][0]], body[counted[-1][1] :]
    if len(before) + len(after) > MAX_KEPT:
        before = after = b""
    for start, end in chain(counted, items):
        yield before + body[start:end] + after


def _shallow(body: bytes, span: Span) -> Any:
    """Just enough of a value to tell an envelope."""
    match body[span[0] : span[0] + 1]:
        case b"{":
            return {"": None}
        case b"[":
            first = next(_children(body, span[0]), None)
            return [] if first is None else [{} if body[first[0] : first[0] + 1] == b"{" else None]
        case _:
            return None


def _members(body: bytes, start: int) -> Iterator[tuple[str, Span]]:
    """Where the values of an object stand, by key."""
    for begin, end in _children(body, start):
        if key := _KEY.match(body, begin, end):
            yield key.group(1)[1:-1].decode("utf-8", errors="replace"), (key.end(), end)


def _children(body: bytes, start: int) -> Iterator[Span]:
    """The spans between the commas of the container that opens at `start`, without the space around them."""
    depth, begin, position = 1, start + 1, start + 1
    while 0 < depth <= MAX_BRACKETS:
        position = _CHILD.match(body, position).end()  # type: ignore[union-attr]
        sign = body[position : position + 1]
        if sign in {b"", b'"'}:
            return
        depth += (sign in {b"{", b"["}) - (sign in {b"}", b"]"})
        if depth == 0 or (depth == 1 and sign == b","):
            part = body[begin:position]
            if stripped := part.strip():
                left = begin + len(part) - len(part.lstrip())
                yield left, left + len(stripped)
            begin = position + 1
        position += 1
