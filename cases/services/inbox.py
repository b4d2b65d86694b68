"""What every evidence store is, and how bytes come into it: drafts in tmp/, on a disk of this machine."""

import errno
import hashlib
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from cases.errors import StoreFullError, TooLargeError
from secops.faultpoints import hit

CHUNK = 1 << 20  # bytes
STALE_SECONDS = 86_400  # a draft that old belongs to nobody
FREE_SHARE = 0.10  # of the disk stays free


FULL = "Less than 10 % of the evidence disk would be free: nothing is taken until there is room."


@contextmanager
def told_when_full() -> Iterator[None]:
    """A disk that fills up meanwhile is StoreFullError, as one that was too full before."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StoreFullError("The evidence disk is full. Nothing was kept.") from error
        raise


class Draft(Protocol):
    """Bytes on their way in: write, finish, deliver, then `place` under their hash; left without it, nothing stays."""

    size: int
    sha256: str

    def write(self, chunk: bytes) -> None: ...

    def finish(self) -> None: ...

    def deliver(self, ends: float = inf) -> bool:
        """Bring the bytes to where the store is, until `ends` (monotonic), and True once all are there. It may speak
        to the outside, so it is never called in a transaction."""
        ...

    def place(self) -> None: ...

    def stay(self) -> None:
        """Once a row needs the bytes: place them again if the last other row let go of them meanwhile."""
        ...

    def discard(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Discards what was not placed."""


class Store(ABC):
    """A place for evidence. A key is a SHA-256, and what is put there never changes. Drafts are in tmp/ of `root`."""

    def __init__(self, root: Path) -> None:
        self.root, self.tmp = root, root / "tmp"
        for folder in (root, self.tmp):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def draft(self, *, limit: int | None) -> "FileDraft":
        self.sweep()
        self.require_room()
        return FileDraft(self, limit)

    def require_room(self, coming: int = 0) -> None:
        disk = shutil.disk_usage(self.root)
        if disk.free - coming < disk.total * FREE_SHARE:
            raise StoreFullError(FULL)

    def sweep(self) -> None:
        """What was left behind by a process that died, once nobody can be writing it any more."""
        now = time.time()
        for path in self.tmp.iterdir():
            with suppress(FileNotFoundError):  # its writer was just done with it
                if path.stat().st_mtime <= now - self.stale_seconds(path):
                    self.forget(path)

    def stale_seconds(self, path: Path) -> float:
        return STALE_SECONDS

    def forget(self, path: Path) -> None:
        path.unlink()

    @abstractmethod
    def deliver(self, draft: Path, sha256: str, ends: float = inf) -> bool:
        """See Draft.deliver."""

    @abstractmethod
    def place(self, draft: Path, sha256: str) -> None:
        """The bytes are there for good. The draft keeps its own name until it is left, to be placed again."""

    @abstractmethod
    def stay(self, draft: Path, sha256: str) -> None:
        """See Draft.stay."""

    @abstractmethod
    def withdraw(self, draft: Path) -> None:
        """A draft is left: what was delivered of one that was not placed goes, too."""

    @abstractmethod
    def open(self, sha256: str) -> BinaryIO:
        """To be read once from beginning to end; FileNotFoundError."""

    @abstractmethod
    def local(self, sha256: str, each: Callable[[], None]) -> BinaryIO:
        """A read-only descriptor of a file of this machine, for tools; FileNotFoundError also where the bytes do not
        have this hash. While they are fetched, `each` is called for every piece and may raise."""

    @abstractmethod
    def lay(self, sha256: str, path: Path) -> None:
        """Under a name of the caller's, read-only, for a person's tools."""

    @abstractmethod
    def has(self, sha256: str) -> bool: ...

    def present(self, wanted: set[str]) -> set[str]:
        """Those of them that `has` says yes to."""
        return {sha256 for sha256 in wanted if self.has(sha256)}

    @abstractmethod
    def remove(self, sha256: str, *, unless: Callable[[], bool]) -> bool:
        """Take the bytes away; asked last, `unless` says whether a row has come that needs them: then they stay."""

    @abstractmethod
    def hashes(self) -> Iterator[str]: ...


class Finished:
    """What every draft of a file does from its last byte on."""

    sha256 = ""
    path: Path
    _store: Store
    _is_delivered = False

    def deliver(self, ends: float = inf) -> bool:
        self._is_delivered = self._is_delivered or self._store.deliver(self.path, self.sha256, ends)
        return self._is_delivered

    def place(self) -> None:
        self.deliver()
        self._store.place(self.path, self.sha256)

    def stay(self) -> None:
        self._store.stay(self.path, self.sha256)


class FileDraft(Finished):
    """A file in tmp/, hashed while it is written."""

    def __init__(self, store: Store, limit: int | None) -> None:
        self._store, self._limit = store, limit
        self._hash = hashlib.sha256()
        self.size = 0
        self.path = store.tmp / token_hex(16)
        self._file: BinaryIO = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        hit("evidence_begun")

    def write(self, chunk: bytes) -> None:
        before = self.size // (64 * CHUNK)
        self.size += len(chunk)
        if self._limit is not None and self.size > self._limit:
            raise TooLargeError(f"One item may have at most {self._limit:,} bytes. Nothing was kept.")
        if self.size // (64 * CHUNK) != before:
            self._store.require_room()
        self._hash.update(chunk)
        with told_when_full():
            self._file.write(chunk)

    def finish(self) -> None:
        """All bytes on the disk and the file read-only, before anything speaks of it."""
        hit("evidence_written")
        with told_when_full():
            self._file.flush()
            os.fsync(self._file.fileno())
        hit("evidence_synced")
        os.fchmod(self._file.fileno(), 0o400)
        self._file.close()
        self.sha256 = self._hash.hexdigest()
        hit("evidence_closed")

    def discard(self) -> None:
        """The name goes whatever closing says: bytes that found no room are tried once more by it."""
        self.path.unlink(missing_ok=True)
        self._store.withdraw(self.path)
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()
