"""Many collected files as one package: a tar whose bytes are the same each time, so that it can be gone on with.

GRR packs archives only while it sends them, without a size and without a way to go on; a triage package of gigabytes
would start anew at each break. Here the place of every byte follows from the list of files, and what GRR hashed of
each stands in the first member.
"""

import csv
import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from secops.http import HttpError

BLOCK = 512
MANIFEST = "MANIFEST.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file. `path` is where it was on the device, `vfs` where GRR keeps it; size in bytes.

    `collected` is when GRR had it, in microseconds since 1970 (0: not said): later there may be another in its place.
    """

    path: str
    vfs: str
    size: int
    sha256: str
    collected: int = 0


def size_of(members: Sequence[Member]) -> int:
    """Bytes of the whole package."""
    return sum(_room(header, size) for header, size, _ in _layout(members)) + 2 * BLOCK


def stream(members: Sequence[Member], offset: int, read: Callable[[Member, int], Iterator[bytes]]) -> Iterator[bytes]:
    """The package's bytes from `offset` on; `read` gives those of a member from an offset on."""
    at = 0
    for header, size, member in _layout(members):
        room = _room(header, size)
        if offset < at + room:
            yield from _member(header, size, member, max(0, offset - at), read)
        at += room
    yield bytes(2 * BLOCK)[max(0, offset - at) :]


class Check:
    """Compares a package with its list while its bytes go by: what GRR sent of a file against what it had hashed."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._spans = _spans(members)
        self._wrong: list[str] = []
        self._left, self._name, self._wanted = next(self._spans)
        self._hash = sha256()

    def update(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            here, rest = rest[: self._left], rest[self._left :]
            self._hash.update(here)
            self._left -= len(here)
            while not self._left:
                self._next()

    def wrong(self) -> list[str]:
        return self._wrong

    def _next(self) -> None:
        if self._name and self._hash.hexdigest() != self._wanted:
            self._wrong.append(self._name)
        self._left, self._name, self._wanted = next(self._spans, (1 << 63, "", ""))
        self._hash = sha256()


def _spans(members: Sequence[Member]) -> Iterator[tuple[int, str, str]]:
    """Bytes, and whose they are with which SHA-256: nobody's between two files."""
    for header, size, member in _layout(members):
        yield len(header), "", ""
        if isinstance(member, bytes):
            yield size, MANIFEST, sha256(member).hexdigest()
        else:
            yield size, member.path, member.sha256
        yield -size % BLOCK, "", ""


def _member(
    header: bytes, size: int, member: Member | bytes, skip: int, read: Callable[[Member, int], Iterator[bytes]]
) -> Iterator[bytes]:
    """A header, exactly `size` bytes, and zeros up to the next block."""
    if skip < len(header):
        yield header[skip:]
    start = min(size, max(0, skip - len(header)))
    left = size - start
    if left:
        pieces = iter([member[start:]]) if isinstance(member, bytes) else read(member, start)
        for piece in pieces:
            yield piece[:left]
            left -= min(left, len(piece))
            if not left:
                break
    if left:
        raise HttpError(f"GRR has fewer bytes of {getattr(member, 'path', MANIFEST)} than it said")
    padding = -size % BLOCK
    yield bytes(padding)[max(0, skip - len(header) - size) :]


def _layout(members: Sequence[Member]) -> Iterator[tuple[bytes, int, Member | bytes]]:
    manifest = _manifest(members)
    yield _header(MANIFEST, len(manifest)), len(manifest), manifest
    for member in members:
        yield _header(member.path.lstrip("/"), member.size), member.size, member


def _room(header: bytes, size: int) -> int:
    return len(header) + size + -size % BLOCK


def _header(name: str, size: int) -> bytes:
    """No time and no owner: a package that is made again is the same."""
    info = tarfile.TarInfo(name or "file")
    info.size, info.mode = size, 0o400
    return info.tobuf(format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape")


def _manifest(members: Sequence[Member]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["path", "size", "sha256"])
    writer.writerows([member.path, member.size, member.sha256] for member in members)
    return text.getvalue().encode(errors="replace")
