"""A triage package, or any single file: each file in it hashed, scanned and read; nothing is unpacked to a disk."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import IO

from enrichment.forensics.content import CHUNK, look, tell
from enrichment.forensics.image import Descriptor
from enrichment.forensics.notebook import Notebook, stamp
from enrichment.forensics.scanner import Rules

NAME, VERSION = "YARA-X", version("yara-x")
MOST_ENTRIES = 50_000
MOST_BYTES = 20 * 2**30  # that may come out of one package
ENTRY_BYTES = 512 * 2**20
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    EOFError,
    RuntimeError,
    ValueError,
    tarfile.TarError,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a package; `open` gives what unpacks it, as a stream."""

    name: str
    at: str | None
    open: Callable[[], IO[bytes]]


class Tool:
    def __init__(self, rules: Rules, notebook: Notebook) -> None:
        self._rules, self._notes, self._bytes = rules, notebook, 0

    def run(self, file: Descriptor) -> Iterator[bytes]:
        """Nothing is carried out of a package: it is all there already."""
        if entries := self._zip(file) or self._tar(file):
            self._read(entries)
        else:
            self._single(file)
        return iter(())

    def _read(self, entries: Iterator[Entry]) -> None:
        count = 0
        for entry in _until_it_breaks(entries, self._notes):
            if count >= MOST_ENTRIES or self._bytes > MOST_BYTES or self._notes.is_late:
                self._notes.limit("Not all files of the package were read.")
                break
            count += 1
            found = look(entry.name, self._chunks(entry), self._rules, self._notes)
            if tell(entry.name, found, self._notes, at=entry.at) and (why := found.why(self._notes)):
                self._notes.event(entry.at, f"{entry.name} last changed ({', '.join(why)}); the package's own clock")
        self._notes.fact("Files", f"{count:,}")
        self._notes.fact("Bytes unpacked", f"{self._bytes:,}")

    def _zip(self, file: Descriptor) -> Iterator[Entry] | None:
        try:
            archive = zipfile.ZipFile(file)
        except (*BROKEN, OSError):
            return None
        found = [one for one in archive.infolist() if not one.is_dir()]
        for one in found:
            if one.flag_bits & 1:
                self._notes.limit(f"{one.filename} is encrypted.")
        plain = [one for one in found if not one.flag_bits & 1]
        return (Entry(one.filename, _time(one), partial(archive.open, one)) for one in plain)

    def _tar(self, file: Descriptor) -> Iterator[Entry] | None:
        """One file after the other, as they come; packed or not."""
        file.seek(0)
        try:
            archive = tarfile.open(fileobj=file, mode="r|*")  # noqa: SIM115 - read from later
        except (*BROKEN, OSError):
            return None
        return (Entry(one.name, stamp(one.mtime), partial(_member, archive, one)) for one in archive if one.isreg())

    def _single(self, file: Descriptor) -> None:
        file.seek(0)
        found = look("the file itself", iter(lambda: file.read(CHUNK), b""), self._rules, self._notes)
        self._notes.fact("Files", "1, no package")
        tell("the file itself", found, self._notes, at=None)

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        """Counted as they come out: what a header claims is not believed."""
        count = 0
        try:
            with entry.open() as stream:
                while chunk := stream.read(CHUNK):
                    count += len(chunk)
                    self._bytes += len(chunk)
                    if count > ENTRY_BYTES or self._bytes > MOST_BYTES:
                        self._notes.limit(f"{entry.name} is larger than is unpacked here.")
                        return
                    yield chunk
        except BROKEN as error:
            raise OSError(str(error)) from error


def _until_it_breaks(entries: Iterator[Entry], notebook: Notebook) -> Iterator[Entry]:
    try:
        yield from entries
    except (*BROKEN, OSError, MemoryError):
        notebook.limit("The package breaks off: what follows cannot be read.")


def _member(archive: tarfile.TarFile, one: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(one)
    if stream is None:
        raise OSError("not a file")
    return stream


def _time(entry: zipfile.ZipInfo) -> str | None:
    try:
        return stamp(datetime(*entry.date_time, tzinfo=UTC).timestamp())
    except ValueError:
        return None
