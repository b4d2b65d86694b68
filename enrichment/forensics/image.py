"""A disk image as The Sleuth Kit reads it: raw or EWF, through one open descriptor, never by a name."""

import os
from io import RawIOBase
from typing import Any

import pyewf
import pytsk3

from enrichment.forensics.notebook import Notebook

EWF = (b"EVF\x09\x0d\x0a\xff\x00", b"EVF2\x0d\x0a\x81\x00")
LARGEST = 2**46  # bytes that an EWF header may claim


class Descriptor(RawIOBase):
    """An open descriptor as a file that libraries can read; it ends where the file ends."""

    def __init__(self, number: int) -> None:
        self._number, self._at = number, 0
        self.size = os.fstat(number).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        chunk = os.pread(self._number, len(buffer), self._at)
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def get_size(self) -> int:
        """As libewf asks it."""
        return self.size


class Image(pytsk3.Img_Info):  # type: ignore[misc]
    """The medium: what a raw image holds, or what an EWF container says that it holds."""

    def __init__(self, file: Descriptor, notebook: Notebook) -> None:
        self._file: Any = file
        self._size = file.size
        start = os.pread(file._number, 8, 0)
        self.form = "raw"
        if start.startswith(EWF):
            self.form = "EWF"
            self._file = pyewf.handle()
            self._file.open_file_objects([file])
            self._size = min(int(self._file.get_media_size()), LARGEST)
            _headers(self._file, notebook)
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return bytes(self._file.read(size) or b"")

    def get_size(self) -> int:
        return self._size


def _headers(handle: Any, notebook: Notebook) -> None:
    """What the acquirer wrote into the container."""
    for name, label in (
        ("case_number", "Case in the container"),
        ("examiner_name", "Examiner"),
        ("acquiry_software_version", "Acquired with"),
    ):
        if value := handle.get_header_value(name):
            notebook.fact(label, value)
    if value := handle.get_hash_value("MD5"):
        notebook.fact("MD5 in the container", value)
