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

from django.db import DatabaseError

from cases.services.inbox import CHUNK, Store, told_when_full
from secops.faultpoints import hit
from secops.http import HttpError
from secops.s3 import Objects, StoreAwayError

PART = 8 << 20  # bytes that are sent at once, and held in memory
MOST_PARTS = 10_000  # of one object; a larger item has larger parts
BREAKS = 3  # of one download, without a byte in between
NOTE = ".sending"  # beside a draft, while the bucket has bytes of it that no row has: hash and part upload
LEAVING_SECONDS = 30.0  # as long as a removal may take; then whoever did it died over it
CALL_SECONDS = 21.0  # as long as one request may take: no object is deleted with less of those left
STALE_SECONDS = 90.0  # a removal that was announced so long ago has ended, whichever of two clocks is wrong


class BucketStore(Store):
    """`<prefix>sha256/<hash>`; `<prefix>leaving/<hash>/<when>-<who>` for each that takes the bytes away just now.

    `is_needed` says of a hash whether a row needs it.
    """

    def __init__(self, root: Path, objects: Objects, prefix: str, is_needed: Callable[[str], bool]) -> None:
        super().__init__(root)
        self._objects, self._prefix, self._is_needed = objects, prefix, is_needed

    def key(self, sha256: str) -> str:
        """Made from the hash alone, as a path would be."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256")
        return f"{self._prefix}sha256/{sha256}"

    def deliver(self, draft: Path, sha256: str, ends: float = inf) -> bool:
        """Send it, in parts if it is large, and go on where any process stopped. What is there under this hash in its
        full size stays; the check finds whether it was changed."""
        os.utime(draft)  # it waits as long as it is tried: the sweep leaves it alone
        key, size, note = self.key(sha256), draft.stat().st_size, _note(draft)
        if note.exists():
            os.utime(note)
        else:
            note.write_text(sha256, "ascii")
        found = self._objects.size(key)
        if found != size:
            if size <= PART:
                self._objects.put(key, draft.read_bytes(), is_new=found is None)
            elif not self._send_large(draft, key, size, ends):
                return False
            if self._objects.size(key) != size:
                raise StoreAwayError("The evidence store did not keep what it was sent.")
        if upload := _noted(draft)[1]:  # all of it is there, from another who sent the same bytes
            self._objects.abort(key, upload)
            note.write_text(sha256, "ascii")
        hit("delivered")
        return True

    def place(self, draft: Path, sha256: str) -> None:
        """Delivered is placed."""

    def stay(self, draft: Path, sha256: str) -> None:
        """Whoever takes the bytes away says so first and looks for rows then. So either they see ours, or we see them
        here: then we wait for them, and send the bytes again."""
        ends = monotonic() + LEAVING_SECONDS
        while any(not _is_stale(one) for one in self._leaving(sha256)) and monotonic() < ends:
            time.sleep(0.2)
        self.deliver(draft, sha256)
        _note(draft).unlink(missing_ok=True)

    def withdraw(self, draft: Path) -> None:
        """Nobody pays for half an upload that nobody goes on with, and nobody may find bytes that have no row; what
        cannot be reached now is tried by the sweep."""
        note = _note(draft)
        with suppress(StoreAwayError, DatabaseError, FileNotFoundError):
            sha256, upload = _noted(draft)
            if upload:
                self._objects.abort(self.key(sha256), upload)
            if sha256 and not self._is_needed(sha256):  # empty: its writer died over it, before it sent anything
                self.remove(sha256, unless=lambda: self._is_needed(sha256))
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

    def present(self, wanted: set[str]) -> set[str]:
        """One listing has a thousand names, and a question of its own for each takes as long as that."""
        return wanted.intersection(self.hashes()) if len(wanted) > 1 else super().present(wanted)

    def remove(self, sha256: str, *, unless: Callable[[], bool]) -> bool:
        """StoreAwayError also when it takes so long that a row which came meanwhile waits for it no longer."""
        key = self.key(sha256)
        if self._objects.size(key) is None:
            return False
        ends = monotonic() + LEAVING_SECONDS - CALL_SECONDS
        mine = f"{self._prefix}leaving/{sha256}/{time.time():.0f}-{token_hex(8)}"
        self._objects.put(mine, b"1")
        try:
            if unless():
                return False
            self._objects.delete(key, ends)
        finally:
            with suppress(StoreAwayError):  # it only makes others wait, for a while
                self._objects.delete(mine)
                for one in self._leaving(sha256):
                    if _is_stale(one):
                        self._objects.delete(one)
        for upload in self._objects.uploads(key):  # whoever still sends it begins anew
            self._objects.abort(key, upload)
        return True

    def hashes(self) -> Iterator[str]:
        begin = f"{self._prefix}sha256/"
        return (key.removeprefix(begin) for key in self._objects.keys(begin))

    def _leaving(self, sha256: str) -> Iterator[str]:
        return self._objects.keys(f"{self._prefix}leaving/{sha256}/")

    def _send_large(self, draft: Path, key: str, size: int, ends: float) -> bool:
        """Begun anew once if its upload is gone: the bytes were destroyed meanwhile, or the store ended it."""
        try:
            return self._send_parts(draft, key, size, ends)
        except StoreAwayError as error:
            if error.code != "NoSuchUpload":
                raise
        _note(draft).write_text(_noted(draft)[0], "ascii")
        return self._objects.size(key) == size or self._send_parts(draft, key, size, ends)

    def _send_parts(self, draft: Path, key: str, size: int, ends: float) -> bool:
        """The parts that the store does not have, then all of them as one object; its list of parts is the only truth,
        so that whichever process comes next goes on. An upload is of one draft: who leaves it ends no other's."""
        sha256, upload = _noted(draft)
        there = self._objects.parts(key, upload) if upload else {}
        if not upload:
            upload = self._objects.begin(key)
            _note(draft).write_text(f"{sha256} {upload}", "ascii")
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
        _note(draft).write_text(sha256, "ascii")
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


def _noted(draft: Path) -> tuple[str, str]:
    """Its hash, and the upload of its parts; empty when there is none. FileNotFoundError."""
    sha256, _, upload = _note(draft).read_text("ascii").partition(" ")
    return sha256, upload


def _is_stale(marker: str) -> bool:
    """Its remover died over it, or may not delete it: nobody waits for it for ever."""
    at = marker.rpartition("/")[2].partition("-")[0]
    return not at.isdigit() or time.time() - int(at) > STALE_SECONDS
