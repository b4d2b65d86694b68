"""Where the bytes of evidence are: by their SHA-256, written once, never changed, outside of the web root."""

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import BinaryIO, Protocol, Self, cast

from django.conf import settings

from cases.errors import StoreFullError, TooLargeError
from secops.faultpoints import hit

CHUNK = 1 << 20  # bytes
STALE_SECONDS = 86_400  # a draft that old belongs to nobody
ASIDE_SECONDS = 600  # whoever moved a file aside so long ago died over it
FREE_SHARE = 0.10  # of the disk stays free
ASIDE = re.compile(r"([0-9a-f]{64})\.[0-9a-f]{8}")  # a file on its way out, in tmp/


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
    """Bytes on their way in: write, finish, then `place` under their hash; left without it, nothing stays."""

    size: int
    sha256: str

    def write(self, chunk: bytes) -> None: ...

    def finish(self) -> None: ...

    def place(self) -> None: ...

    def discard(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Discards what was not placed."""


class Store(Protocol):
    """What the services ask of a place for evidence. A key is a SHA-256, and what is put there never changes."""

    def draft(self, *, limit: int | None) -> Draft: ...

    def open(self, sha256: str) -> BinaryIO: ...

    def has(self, sha256: str) -> bool: ...

    def remove(self, sha256: str, *, unless: Callable[[], bool]) -> bool:
        """Take the bytes away; asked last, `unless` says whether a row has come that needs them: then they stay."""
        ...

    def hashes(self) -> Iterator[str]: ...

    def require_room(self, coming: int = 0) -> None: ...


class FolderDraft:
    """A file in tmp/, hashed while it is written."""

    sha256 = ""

    def __init__(self, store: "FolderStore", limit: int | None) -> None:
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

    def place(self) -> None:
        self._store.place(self.path, self.sha256)

    def discard(self) -> None:
        """The name goes whatever closing says: bytes that found no room are tried once more by it."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


class FolderStore:
    """evidence/ in the data folder: tmp/ and sha256/ab/cd/<hash> on one file system."""

    def __init__(self, root: Path) -> None:
        self.root, self.tmp = root, root / "tmp"
        for folder in (root, self.tmp):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, sha256: str) -> Path:
        """Made from the hash alone: no text of anybody's comes into it."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256")
        return self.root / "sha256" / sha256[:2] / sha256[2:4] / sha256

    def draft(self, *, limit: int | None) -> FolderDraft:
        self.sweep()
        self.require_room()
        return FolderDraft(self, limit)

    def place(self, draft: Path, sha256: str) -> None:
        """Rename to the place that the hash names, and fsync the folders. What is there already under this hash is
        replaced by the same bytes. The draft keeps its own name until it is left, so that it can be placed again."""
        final = self.path(sha256)
        made = [folder for folder in final.parents[:3] if not folder.exists()]
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        spare = draft.with_suffix(".place")
        spare.unlink(missing_ok=True)  # of a process that died here
        os.link(draft, spare)
        os.replace(spare, final)
        spare.unlink(missing_ok=True)  # rename does nothing where both are names of one file
        hit("evidence_renamed")
        for folder in {final.parent, self.tmp, *(one.parent for one in made)}:
            _sync(folder)
        hit("evidence_placed")

    def open(self, sha256: str) -> BinaryIO:
        return self.path(sha256).open("rb")

    def has(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def remove(self, sha256: str, *, unless: Callable[[], bool]) -> bool:
        path, aside = self.path(sha256), self.tmp / f"{sha256}.{token_hex(4)}"
        try:
            os.utime(path)  # or the next sweep would take it for something forgotten
            os.replace(path, aside)
        except FileNotFoundError:
            return False
        is_needed = unless()
        if is_needed:
            self._put_back(aside, path)
        else:
            aside.unlink()
            _sync(path.parent)
        return not is_needed

    def hashes(self) -> Iterator[str]:
        for path in sorted((self.root / "sha256").glob("??/??/*")):
            yield path.name

    def require_room(self, coming: int = 0) -> None:
        disk = shutil.disk_usage(self.root)
        if disk.free - coming < disk.total * FREE_SHARE:
            raise StoreFullError(FULL)

    def sweep(self) -> None:
        """What was left behind by a process that died, once nobody can be writing it any more. A file that was moved
        aside may be the only copy of what a row needs: it goes back, and one that no row needs is told by the check."""
        now = time.time()
        for path in self.tmp.iterdir():
            aside = ASIDE.fullmatch(path.name)
            try:
                if path.stat().st_mtime > now - (ASIDE_SECONDS if aside else STALE_SECONDS):
                    continue
                if aside:
                    self._put_back(path, self.path(aside[1]))
                else:
                    path.unlink()
            except FileNotFoundError:  # its writer was just done with it
                continue

    def _put_back(self, aside: Path, path: Path) -> None:
        with suppress(FileExistsError):
            os.link(aside, path)
        _sync(path.parent)
        aside.unlink()


def store() -> Store:
    """The place for evidence of this installation."""
    return folder_store()


def folder_store() -> FolderStore:
    """The same, for who works with its files."""
    return FolderStore(settings.DATA_DIR / "evidence")


def digest_of(sha256: str) -> str:
    """The SHA-256 of what is there now under this name; empty when nothing is."""
    try:
        with store().open(sha256) as file:
            return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
