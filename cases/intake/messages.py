"""One message as received, and the objects that a JSON text holds as such messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cases.intake.base import FieldProblem, RejectedError
from cases.intake.elements import Elements
from cases.intake.envelopes import one_by_one
from cases.intake.gate import decode
from cases.intake.sources import lines
from cases.intake.unwrap import unwrap

LINES_TRIED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`payload` is None where the bytes could not be read; `problems` then say why, otherwise what was repaired."""

    body: bytes
    payload: dict[str, Any] | None = None
    problems: tuple[FieldProblem, ...] = ()


def broken(body: bytes, message: str) -> Message:
    return Message(body=body, problems=(FieldProblem(field="body", message=message),))


class JsonMessages:
    """Reads a JSON text in chunks; `is_list` is known when the messages have been read."""

    def __init__(self, *, max_alert_bytes: int, max_object_bytes: int, may_unwrap: bool) -> None:
        self.max_alert_bytes = max_alert_bytes
        self.max_object_bytes = max_object_bytes  # of an envelope with all its alerts
        self.may_unwrap = may_unwrap
        self.is_list = False

    def read(self, head: bytes, chunks: Iterator[bytes]) -> Iterator[Message]:
        """The messages of all chunks; the head tells whether each line is a text of its own."""
        if _is_by_lines(head):
            for line in lines(chunks, self.max_object_bytes):
                if line is None or not line.isspace():
                    yield from self._element(line and line.strip())
            return
        elements = Elements(self.max_object_bytes)
        for chunk in chunks:
            for element in elements.feed(chunk):
                self.is_list |= elements.is_list
                yield from self._element(element)
        for element in elements.feed(b"", is_final=True):
            self.is_list |= elements.is_list
            yield from self._element(element)
        self.is_list |= elements.is_list

    def _element(self, element: bytes | None, depth: int = 0) -> Iterator[Message]:
        if element is None:
            yield broken(b"", f"too large: more than {self.max_object_bytes} bytes in one object")
            return
        try:
            payload, problems = decode(element, max_bytes=self.max_alert_bytes)
        except RejectedError as error:
            yield from self._refused(element, error, depth)
            return
        if isinstance(payload, list) and depth == 0:
            yield from self._list(element)
        elif not isinstance(payload, dict):
            yield broken(element, "not a JSON object")
        else:
            yield from self._object(element, payload, problems, depth)

    def _object(
        self, element: bytes, payload: dict[str, Any], problems: tuple[FieldProblem, ...], depth: int
    ) -> Iterator[Message]:
        alerts = unwrap(payload) if self.may_unwrap else [payload]
        if len(alerts) == 1 and isinstance(alerts[0], dict):
            yield Message(body=element, payload=alerts[0], problems=problems)
            return
        self.is_list = True
        is_cut = False
        for piece in one_by_one(element) if alerts and depth == 0 else ():
            is_cut = True
            yield from self._element(piece, depth + 1)
        for alert in alerts if not is_cut else ():
            fits = isinstance(alert, dict)
            yield Message(body=element, payload=alert, problems=problems) if fits else broken(element, "no object")

    def _refused(self, element: bytes, error: RejectedError, depth: int) -> Iterator[Message]:
        """An envelope may pass the limits of one alert; its alerts may not."""
        is_cut = False
        for piece in one_by_one(element) if self.may_unwrap and depth == 0 else ():
            is_cut = self.is_list = True
            yield from self._element(piece, depth + 1)
        if is_cut:
            return
        if depth == 0 and _holds_several(element):
            self.is_list |= element.startswith(b"[")
            yield from self._several(element)
        else:
            yield Message(body=element, problems=tuple(error.problems))

    def _list(self, element: bytes) -> Iterator[Message]:
        self.is_list = True
        yield from self._several(element)

    def _several(self, element: bytes) -> Iterator[Message]:
        """Objects on one line, in a list or just one after another."""
        elements = Elements(self.max_object_bytes)
        for inner in elements.feed(element, is_final=True):
            yield from self._element(inner, 1)


def _holds_several(element: bytes) -> bool:
    """Do two or more whole elements stand here, so that each can be judged on its own?"""
    found = Elements(len(element)).feed(element, is_final=True)
    first = next(found, None)
    return first is not None and first != element and next(found, None) is not None


def _is_by_lines(head: bytes) -> bool:
    """Is there a line among the first that is a whole object of its own, with another line beside it?"""
    whole = [line.strip() for line in head.split(b"\n")[: LINES_TRIED + 1]]
    candidates = [line for line in whole if line[:1] == b"{" and line[-1:] == b"}"]
    others = sum(1 for line in whole if line)
    return others > 1 and any(_is_object(line) for line in candidates)


def _is_object(line: bytes) -> bool:
    elements = list(Elements(len(line)).feed(line, is_final=True))
    return elements == [line]
