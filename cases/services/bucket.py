"""Evidence in a bucket of an object store: by its SHA-256, written once, on its way in on a disk of this machine."""

import hashlib
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from io import BufferedReader, RawIOBase
from math import inf
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import BinaryIO, cast

from cases.services.inbox import CHUNK, Store, told_when_full
from secops.faultpoints import hit
from secops.http import HttpError
from secops.s3 import Objects, StoreAwayError

PART = 8 << 20  # bytes that are sent at once, and held in memory
MOST_PARTS = 10_000  # of one object; a larger item has larger parts
BREAKS = 3  # of one download, without a byte in between
NOTE = ".sending"  # beside a draft, while only parts of it are there: its hash
LEAVING_SECONDS = 30.0  # as long as a removal may take; then whoever did it died over it


class BucketStore(Store):
    """`<prefix>sha256/<hash>`; `<prefix>leaving/<hash>` while the bytes are taken away."""

    def __init__(self, root: Path, objects: Objects, prefix: str) -> None:
        super().__init__(root)
        self._objects, self._prefix = objects, prefix

    def key(self, sha256: str) -> str:
        """Made from the hash alone, as a path would be."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256")
        return f"{self._prefix}sha256/{sha256}"

    def deliver(self, draft: Path, sha256: str, ends: float = inf) -> bool:
        """Send it, in parts if it is large, and go on where any process stopped. What is there under this hash in its
        full size stays; the check finds whether it was changed."""
        os.utime(draft)  # it waits as long as it is tried: the sweep leaves it alone
        key, size = self.key(sha256), draft.stat().st_size
        found = self._objects.size(key)
        if found != size:
            if size > PART:
                note = _note(draft)
                note.write_text(sha256, "ascii")
                if not self._send_parts(draft, key, size, ends):
                    return False
                note.unlink(missing_ok=True)
            else:
                self._objects.put(key, draft.read_bytes(), is_new=found is None)
            if self._objects.size(key) != size:
                raise StoreAwayError("The evidence store did not keep what it was sent.")
        hit("delivered")
        return True

    def place(self, draft: Path, sha256: str) -> None:
        """Delivered is placed."""

    def stay(self, draft: Path, sha256: str) -> None:
        """Whoever takes the bytes away says so first and looks for rows then. So either they see ours, or we see them
        here: then we wait for them, and send the bytes again."""
        ends, leaving = monotonic() + LEAVING_SECONDS, self._leaving(sha256)
        while self._objects.size(leaving) is not None and monotonic() < ends:
            time.sleep(0.2)
        self.deliver(draft, sha256)

    def withdraw(self, draft: Path) -> None:
        """Nobody pays for half an upload that nobody goes on with; what cannot be reached now is tried by the sweep."""
        note = _note(draft)
        with suppress(StoreAwayError, FileNotFoundError):
            sha256 = note.read_text("ascii")
            if sha256:  # else its writer died over it, before it sent anything
                key = self.key(sha256)
                for upload in self._objects.uploads(key):
                    self._objects.abort(key, upload)
            note.unlink()

    def forget(self, path: Path) -> None:
        if path.suffix == NOTE:
            self.withdraw(path)
        else:
            super().forget(path)

    def open(self, sha256: str) -> BinaryIO:
        return cast(BinaryIO, BufferedReader(_Download(self._objects, self.key(sha256)), CHUNK))

    def local(self, sha256: str, each: Callable[[], None]) -> BinaryIO:
        """A copy that is compared with its hash on arrival. It has no name, so it is gone when it is closed, or when
        its reader dies."""
        path = self.tmp / f"{token_hex(16)}.copy"
        try:
            self._copy(sha256, path, each)
            return path.open("rb")
        finally:
            path.unlink(missing_ok=True)

    def lay(self, sha256: str, path: Path) -> None:
        """A copy that stays until a person removes it."""
        try:
            self._copy(sha256, path, lambda: None)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def has(self, sha256: str) -> bool:
        return self._objects.size(self.key(sha256)) is not None

    def remove(self, sha256: str, *, unless: Callable[[], bool]) -> bool:
        key, leaving = self.key(sha256), self._leaving(sha256)
        self._objects.put(leaving, b"1", is_new=False)
        try:
            if unless() or self._objects.size(key) is None:
                return False
            for upload in self._objects.uploads(key):
                self._objects.abort(key, upload)
            self._objects.delete(key)
        finally:
            self._objects.delete(leaving)
        return True

    def hashes(self) -> Iterator[str]:
        begin = f"{self._prefix}sha256/"
        return (key.removeprefix(begin) for key in self._objects.keys(begin))

    def _leaving(self, sha256: str) -> str:
        return f"{self._prefix}leaving/{sha256}"

    def _send_parts(self, draft: Path, key: str, size: int, ends: float) -> bool:
        """The parts that the store does not have, then all of them as one object; its list of parts is the only truth,
        so that whichever process comes next goes on."""
        uploads = self._objects.uploads(key)
        upload = uploads[0] if uploads else self._objects.begin(key)
        there = self._objects.parts(key, upload) if uploads else {}
        step = part_size(size)
        with draft.open("rb") as file:
            for number, begin in enumerate(range(0, size, step), 1):
                length = min(step, size - begin)
                if number in there and there[number].size == length:
                    continue
                file.seek(begin)
                there[number] = self._objects.put_part(key, upload, number, file.read(length))
                hit("delivered_part")
                if monotonic() >= ends and begin + length < size:
                    return False
        self._objects.complete(key, upload, {n: one for n, one in there.items() if n <= number})
        for other in self._objects.uploads(key):  # of a process that began at the same moment
            self._objects.abort(key, other)
        return True

    def _copy(self, sha256: str, path: Path, each: Callable[[], None]) -> None:
        size = self._objects.size(self.key(sha256))
        if size is None:
            raise FileNotFoundError(sha256)
        self.require_room(size)
        passed = hashlib.sha256()
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with told_when_full(), os.fdopen(number, "wb") as file, self.open(sha256) as source:
            while chunk := source.read(CHUNK):
                each()
                passed.update(chunk)
                file.write(chunk)
        if passed.hexdigest() != sha256:
            raise FileNotFoundError(sha256)
        path.chmod(0o400)


class _Download(RawIOBase):
    """An object as a stream; where it breaks off, it goes on from there."""

    def __init__(self, objects: Objects, key: str) -> None:
        self._objects, self._key, self._at = objects, key, 0
        self._pieces = objects.read(key)
        self._rest = self._next()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._rest = self._rest or self._next()
        taken = min(len(buffer), len(self._rest))
        buffer[:taken], self._rest = self._rest[:taken], self._rest[taken:]
        return taken

    def close(self) -> None:
        if isinstance(self._pieces, Generator):  # a connection is open behind it
            self._pieces.close()
        super().close()

    def _next(self) -> bytes:
        """Empty at the end."""
        for left in reversed(range(BREAKS)):
            try:
                piece = next(self._pieces, b"")
                self._at += len(piece)
                return piece
            except HttpError as error:
                if not left:
                    raise StoreAwayError(f"The evidence store is away: {error}.") from error
                self._pieces = self._objects.read(self._key, self._at)
        raise AssertionError("the last break is raised")


def part_size(size: int) -> int:
    """In bytes, whole MiB: the same for every process that sends an item of this size."""
    return max(PART, -(-size // MOST_PARTS // CHUNK) * CHUNK)


def _note(draft: Path) -> Path:
    return draft.with_suffix(NOTE)
