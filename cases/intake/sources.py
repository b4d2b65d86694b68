"""Bytes from files and pipes in chunks, unpacked and recoded as they pass, so that memory stays flat."""

import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from secops.errors import SecopsError

CHUNK = 1 << 18  # bytes read and unpacked at a time
HEAD = 1 << 16  # bytes that tell the format


def text_chunks(source: BinaryIO) -> tuple[bytes, Iterator[bytes]]:
    """The head, which tells the format, and all chunks (the head among them), as UTF-8 without a mark."""
    head, chunks = _peek(_read(source))
    if head.startswith(b"\x1f\x8b"):
        head, chunks = _peek(_gunzip(chunks))
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        head, chunks = _peek(_recode(chunks))
    if head.startswith(BOM_UTF8):
        head = head[len(BOM_UTF8) :]
        next(chunks)
        chunks = chain([head], chunks)
    return head, chunks


def without_mark(body: bytes) -> bytes:
    """A whole body as UTF-8 without a byte order mark."""
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return b"".join(_recode(iter([body])))
    return body.removeprefix(BOM_UTF8)


def lines(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes | None]:
    """Lines with their ends; None stands for one of more than `max_bytes`, which is read over."""
    pending, is_skipping = b"", False
    for chunk in chunks:
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            too_long = is_skipping or len(line) > max_bytes
            is_skipping = False
            yield None if too_long else line + b"\n"
        if len(pending) > max_bytes:
            pending, is_skipping = b"", True
    if is_skipping:
        yield None
    elif pending:
        yield pending


def _read(source: BinaryIO) -> Iterator[bytes]:
    read = getattr(source, "read1", source.read)  # a pipe gives what it has and does not wait for a whole chunk
    while chunk := read(CHUNK):
        yield chunk


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first chunk with at least one line end (or the first HEAD bytes), without taking it away."""
    head = b""
    for chunk in chunks:
        head += chunk
        if b"\n" in head or len(head) >= HEAD:
            break
    return head, chain([head], chunks)


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while data:
            try:
                yield unpacker.decompress(data, CHUNK)
            except zlib.error as error:
                raise SecopsError(f"The gzip file is broken: {error}") from error
            data = unpacker.unconsumed_tail or unpacker.unused_data
            if unpacker.eof:
                unpacker = zlib.decompressobj(wbits=31)
    yield unpacker.flush()


def _recode(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = getincrementaldecoder("utf-16")(errors="replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", errors="replace")
    yield decoder.decode(b"", final=True).encode("utf-8", errors="replace")
