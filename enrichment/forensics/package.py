"""A triage package, or any single file: each file in it hashed, scanned and read; nothing is unpacked to a disk."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from enrichment.forensics.content import CHUNK, look, tell
from enrichment.forensics.image import Descriptor
from enrichment.forensics.notebook import Notebook, stamp
from enrichment.forensics.scanner import Rules

NAME, VERSION = "YARA-X", version("yara-x")
MOST_ENTRIES = 50_000
MOST_BYTES = 20 * 2**30  # that may come out of one package
ENTRY_BYTES = 512 * 2**20
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, RuntimeError, ValueError)


class Tool:
    def __init__(self, rules: Rules, notebook: Notebook) -> None:
        self._rules, self._notes, self._bytes = rules, notebook, 0

    def run(self, file: Descriptor) -> Iterator[bytes]:
        """Nothing is carried out of a package: it is all there already."""
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
            self._single(file)
            return iter(())
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MOST_ENTRIES:
            self._notes.limit(f"More than {MOST_ENTRIES:,} files: the rest was not looked at.")
        for entry in entries[:MOST_ENTRIES]:
            if self._notes.is_late or self._bytes > MOST_BYTES:
                self._notes.limit("Not all files of the package were read.")
                break
            self._entry(archive, entry)
        self._notes.fact("Files", f"{len(entries):,}")
        self._notes.fact("Bytes unpacked", f"{self._bytes:,}")
        return iter(())

    def _single(self, file: Descriptor) -> None:
        file.seek(0)
        found = look("the file itself", iter(lambda: file.read(CHUNK), b""), self._rules, self._notes)
        self._notes.fact("Files", "1, not a ZIP")
        tell("the file itself", found, self._notes, at=None)

    def _entry(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        name, at = entry.filename, _time(entry)
        if entry.flag_bits & 1:
            self._notes.limit(f"{name} is encrypted.")
            return
        found = look(name, self._chunks(archive, entry), self._rules, self._notes)
        if tell(name, found, self._notes, at=at) and found.why(self._notes):
            self._notes.event(at, f"{name} last changed ({', '.join(found.why(self._notes))}); the package's own clock")

    def _chunks(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """Counted as they come out: what a header claims is not believed."""
        count = 0
        try:
            with archive.open(entry) as stream:
                while chunk := stream.read(CHUNK):
                    count += len(chunk)
                    self._bytes += len(chunk)
                    if count > ENTRY_BYTES or self._bytes > MOST_BYTES:
                        self._notes.limit(f"{entry.filename} is larger than is unpacked here.")
                        return
                    yield chunk
        except BROKEN as error:
            raise OSError(str(error)) from error


def _time(entry: zipfile.ZipInfo) -> str | None:
    try:
        return stamp(datetime(*entry.date_time, tzinfo=UTC).timestamp())
    except ValueError:
        return None
