"""Cuts a body, a file or a stream into messages: the bytes of each and the object that they hold.

A message that cannot be read carries its problems instead of an object, and the ones after it go on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cases.intake.base import FieldProblem
from cases.intake.gate import MAX_ALERT_BYTES, mend
from cases.intake.messages import JsonMessages, Message, broken
from cases.intake.sources import HEAD, text_chunks, without_mark
from cases.intake.text_lines import read_text
from secops.errors import SecopsError

MAX_FILE_OBJECT = 10_000_000  # bytes of one object in a file, an envelope with all its alerts


class TooLargeError(SecopsError):
    """Too many alerts or bytes in one request; nothing of it is taken."""

    status_code = 413


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`is_list` tells which answer is due: 207 with a result for each message, or the result of the only one."""

    messages: list[Message]
    is_list: bool


def split(
    body: bytes,
    *,
    max_alerts: int,
    max_bytes: int,
    max_alert_bytes: int = MAX_ALERT_BYTES,
    may_unwrap: bool = True,
) -> Batch:
    """Split the JSON body of one request; raise TooLargeError over `max_alerts` or `max_bytes`.

    `may_unwrap` is False for our own schema, which knows no envelopes.
    """
    if len(body) > max_bytes:
        raise TooLargeError(f"At most {max_bytes} bytes in one request; this one has {len(body)}.")
    text = without_mark(body)
    reader = JsonMessages(max_alert_bytes=max_alert_bytes, max_object_bytes=max_bytes, may_unwrap=may_unwrap)
    messages: list[Message] = []
    for message in reader.read(text[:HEAD], iter([text])):
        messages.append(message)
        if len(messages) > max_alerts:
            raise TooLargeError(f"At most {max_alerts} alerts in one request.")
    if not messages and not reader.is_list:
        messages = [broken(body, "not JSON: empty")]
    return Batch(messages=messages, is_list=reader.is_list or len(messages) > 1)


def is_single(body: bytes) -> bool:
    """Is the body one object, and not a list, NDJSON or an envelope of several alerts?"""
    text = without_mark(body)
    reader = JsonMessages(max_alert_bytes=MAX_ALERT_BYTES, max_object_bytes=len(body), may_unwrap=True)
    messages = reader.read(text[:HEAD], iter([text]))
    next(messages, None)
    return next(messages, None) is None and not reader.is_list


def stream(source: BinaryIO, *, max_alert_bytes: int = MAX_ALERT_BYTES) -> Iterator[Message]:
    """Split a file or a pipe of any format, gzip or not, in flat memory."""
    head, chunks = text_chunks(source)
    if head.lstrip()[:1] in {b"{", b"["}:
        reader = JsonMessages(max_alert_bytes=max_alert_bytes, max_object_bytes=MAX_FILE_OBJECT, may_unwrap=True)
        yield from reader.read(head, chunks)
        return
    for body, found in read_text(head, chunks, max_alert_bytes):
        if isinstance(found, FieldProblem):
            yield Message(body=body, problems=(found,))
        else:
            payload, problems = mend(found)
            yield Message(body=body, payload=payload, problems=problems)
