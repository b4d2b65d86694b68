"""Evidence that comes in over minutes or hours: bytes in tmp/ that outlive the process which wrote them.

A partial is named by what it is a copy of, never by who writes it, so any worker goes on where another stopped; a lock
on the file keeps two from writing at once, and ends with the process that holds it. The hash is taken while the bytes
are written; a worker that did not see them all reads those it missed, in pieces too.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, BinaryIO, Self

from cases.errors import BusyError
from cases.services.inbox import CHUNK, Finished, Store, told_when_full
from cases.services.store import store
from secops.connectors.capabilities.acquisition import Check
from secops.faultpoints import hit

ROOM_EVERY = 64 * CHUNK  # bytes between two looks at the disk


@dataclass(slots=True)
class Seen:
    """How far this process has hashed a file. `held` is a descriptor of it: while it is open, no later file can get the
    inode and be taken for the one that was hashed. It is opened by itself, since a duplicate would share the lock."""

    held: int
    upto: int = 0
    hash: Any = field(default_factory=hashlib.sha256)
    check: Check | None = None

    def take(self, chunk: bytes) -> None:
        self.hash.update(chunk)
        if self.check:
            self.check.update(chunk)
        self.upto += len(chunk)

    def is_of(self, status: os.stat_result) -> bool:
        return os.path.samestat(os.fstat(self.held), status)


_seen: dict[Path, Seen] = {}  # of this process; what is not in it is read again


class Partial(Finished):
    """A draft (see inbox.Draft) that stays when it is left; only `discard` ends it."""

    def __init__(self, store: Store, name: str, check: Callable[[], Check] | None = None) -> None:
        """BusyError when another worker has it now. A check sees every byte, as the hash does."""
        self._store, self._check = store, check
        self.path = store.tmp / f"{hashlib.sha256(name.encode()).hexdigest()[:48]}.part"
        self._file = _locked(self.path)
        status = os.fstat(self._file.fileno())
        self.size, self.is_finished = status.st_size, not status.st_mode & 0o200
        _forget_what_is_gone()
        known = _seen.get(self.path)
        if known is None or known.upto > self.size:
            _forget(self.path)
            known = _seen[self.path] = Seen(os.open(self.path, os.O_RDONLY))
        if check and known.check is None:
            known.upto, known.hash, known.check = 0, hashlib.sha256(), check()
        self._known = known

    def write(self, chunk: bytes) -> None:
        if self.is_finished:
            raise RuntimeError("it may be the file in the store by now")
        before = self.size // ROOM_EVERY
        with told_when_full():
            self._file.write(chunk)
        if self._known.upto == self.size:
            self._known.take(chunk)
        self.size += len(chunk)
        if self.size // ROOM_EVERY != before:
            self._store.require_room()

    def begin_again(self) -> None:
        """Without what came so far: a source that makes its file anew does not go on with the one of before."""
        if self.is_finished:
            raise RuntimeError("it may be the file in the store by now")
        self._file.truncate(0)
        self.size = 0
        _forget(self.path)
        self._known = _seen[self.path] = Seen(
            os.open(self.path, os.O_RDONLY), check=self._check() if self._check else None
        )

    def catch_up(self, ends: float) -> bool:
        """Hash what this process has not seen, a chunk at least, until `ends` (monotonic); True when all of it is."""
        self._file.flush()
        with self.path.open("rb") as file:
            file.seek(self._known.upto)
            while self._known.upto < self.size:
                chunk = file.read(CHUNK)
                self._known.take(chunk)
                if monotonic() >= ends:
                    break
        return self._known.upto == self.size

    def finish(self) -> None:
        """All bytes on the disk and the file read-only, before anything speaks of it."""
        if self._known.upto != self.size:
            raise RuntimeError("catch_up first")
        with told_when_full():
            self._file.flush()
            os.fsync(self._file.fileno())
        os.fchmod(self._file.fileno(), 0o400)
        self.sha256 = self._known.hash.hexdigest()
        hit("evidence_closed")

    def wrong(self) -> list[str] | None:
        """What the check found, once all of it was seen; None without a check."""
        return self._known.check.wrong() if self._known.check else None

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._store.withdraw(self.path)
        _forget(self.path)
        self._close()

    def _close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """What came so far stays, and is on the disk."""
        with suppress(OSError, ValueError):  # full, or discarded: what is missing is asked for again
            self._file.flush()
            os.fsync(self._file.fileno())
        self._close()


def partial(name: str, check: Callable[[], Check] | None = None) -> Partial:
    """The partial of that name, new or as it was left; BusyError when another worker has it."""
    place = store()
    place.sweep()
    return Partial(place, name, check)


def _forget(path: Path) -> None:
    if known := _seen.pop(path, None):
        os.close(known.held)


def _forget_what_is_gone() -> None:
    """Of files that another worker was done with; held open, the bytes of an erased one would stay on the disk."""
    for path, known in list(_seen.items()):
        try:
            is_there = known.is_of(path.stat())
        except FileNotFoundError:
            is_there = False
        if not is_there:
            _forget(path)


def _locked(path: Path) -> BinaryIO:
    """Open for appending, with the lock, and still under its name: its last writer may just have been done with it."""
    while True:
        file = _opened(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise BusyError("Another worker is writing it.") from None
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        file.close()


def _opened(path: Path) -> BinaryIO:
    """A finished one is read-only and may be the file in the store already: it is never written again."""
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "ab")
    except PermissionError:
        return path.open("rb")
