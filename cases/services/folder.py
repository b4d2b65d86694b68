"""Evidence in a folder: by its SHA-256, written once, never changed, outside of the web root."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from cases.services.inbox import Store
from secops.faultpoints import hit

ASIDE_SECONDS = 600  # whoever moved a file aside so long ago died over it
ASIDE = re.compile(r"([0-9a-f]{64})\.[0-9a-f]{8}")  # a file on its way out, in tmp/


class FolderStore(Store):
    """evidence/ in the data folder: tmp/ and sha256/ab/cd/<hash> on one file system."""

    def path(self, sha256: str) -> Path:
        """Made from the hash alone: no text of anybody's comes into it."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256")
        return self.root / "sha256" / sha256[:2] / sha256[2:4] / sha256

    def deliver(self, draft: Path, sha256: str, ends: float = inf) -> bool:
        """To place it is all."""
        return True

    def place(self, draft: Path, sha256: str) -> None:
        """Rename to the place that the hash names, and fsync the folders. What is there already under this hash is
        replaced by the same bytes."""
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

    def stay(self, draft: Path, sha256: str) -> None:
        if not self.has(sha256):  # the last other item with these bytes was destroyed just now
            self.place(draft, sha256)

    def withdraw(self, draft: Path) -> None:
        """Nothing was delivered."""

    def open(self, sha256: str) -> BinaryIO:
        return self.path(sha256).open("rb")

    def local(self, sha256: str, each: Callable[[], None]) -> BinaryIO:
        """The file itself: whoever reads all of it hashes it on the way."""
        return self.open(sha256)

    def lay(self, sha256: str, path: Path) -> None:
        path.symlink_to(self.path(sha256))

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

    def stale_seconds(self, path: Path) -> float:
        return ASIDE_SECONDS if ASIDE.fullmatch(path.name) else super().stale_seconds(path)

    def forget(self, path: Path) -> None:
        """A file that was moved aside may be the only copy of what a row needs: it goes back, and one that no row
        needs is told by the check."""
        if aside := ASIDE.fullmatch(path.name):
            self._put_back(path, self.path(aside[1]))
        else:
            super().forget(path)

    def _put_back(self, aside: Path, path: Path) -> None:
        with suppress(FileExistsError):
            os.link(aside, path)
        _sync(path.parent)
        aside.unlink()


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
