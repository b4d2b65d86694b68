"""Programs of others that may read an item, each in a limited process: what they write is read by a tool of ours.

A program is used where the settings say that it is; what it wrote is an attacker's words, too, and goes through the
same sealed process as the evidence itself.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from enrichment.forensics.runner import LOOK_SECONDS, ExaminationError, StoppedError

OUTSIDE = Path(__file__).with_name("outside.py")
MOST_OUTPUT = 512 * 2**20  # bytes of anything that it writes
MOST_FOLDER = 2 * MOST_OUTPUT  # bytes of all that lies in its folder
MOST_FILES = 20_000  # files and folders there
MEMORY = 6 * 2**30  # bytes of address space
NOBODY = 65534
MOST_SAID = 300  # characters of its complaint that are told
SYSTEM = (
    *("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/alternatives"),
    *("/etc/localtime", "/dev/null", "/dev/urandom", "/dev/random", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm"),
    "/sys/devices/system/cpu",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is run: words with {file} for the evidence, files that lie in its folder, what it may read beside them."""

    command: Sequence[str]
    files: dict[str, bytes]
    may_read: Sequence[str] = ()
    feed: bool
    output: str  # the file that it leaves


@dataclass(slots=True)
class Ran:
    """What it left, and how it ended; `said` are its own words, foreign text."""

    output: BinaryIO
    guards: list[str]
    said: str
    is_whole: bool


@contextmanager
def run(job: Job, file: BinaryIO, *, seconds: int, goes_on: Callable[[], bool]) -> Iterator[Ran]:
    """Let it read the open file. `goes_on` is asked every second: False ends it at once (StoppedError).

    ExaminationError when it left nothing.
    """
    with tempfile.TemporaryDirectory(prefix="nightdesk-tool-") as name:
        folder = Path(name)
        for own, content in job.files.items():
            (folder / own).write_bytes(content)
        if os.geteuid() == 0:
            for path in (folder, *folder.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        code, said = _ended(job, folder, file, seconds, goes_on)
        found = folder / job.output
        if found.is_symlink() or not found.is_file():
            raise ExaminationError(f"{Path(job.command[0]).name} left nothing. {last_words(said)}".strip())
        guards = _guards(folder)
        with found.open("rb") as output:
            yield Ran(output, guards, said, code == 0)


def _ended(job: Job, folder: Path, file: BinaryIO, seconds: int, goes_on: Callable[[], bool]) -> tuple[int, str]:
    asked = {
        "command": list(job.command),
        "may_read": [*SYSTEM, *job.may_read],
        "folder": str(folder),
        "file": file.fileno(),
        "feed": job.feed,
        "seconds": seconds,
        "memory": MEMORY,
        "output": MOST_OUTPUT,
    }
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        told.write(json.dumps(asked).encode())
        told.seek(0)
        child = subprocess.Popen(  # noqa: S603 - our own program, which becomes the one that the settings name
            [sys.executable, "-I", "-B", str(OUTSIDE)],
            stdin=told,
            stdout=said,
            stderr=said,
            cwd="/",
            env={"LANG": "C.UTF-8"},
            pass_fds=[file.fileno()],
            start_new_session=True,
        )
        try:
            _await(child, folder, seconds, goes_on)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        size = os.fstat(said.fileno()).st_size
        return child.returncode, os.pread(said.fileno(), 4_000, max(0, size - 4_000)).decode("utf-8", "replace")


def _await(child: "subprocess.Popen[bytes]", folder: Path, seconds: int, goes_on: Callable[[], bool]) -> None:
    """Until it ends or its time is over; what it has written by then is read all the same."""
    ends = monotonic() + seconds
    while monotonic() < ends:
        with suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_SECONDS)
            return
        if not goes_on():
            raise StoppedError
        if _is_full(folder):
            raise ExaminationError(f"It was ended: it wrote more than {MOST_FOLDER >> 20} MiB or {MOST_FILES} files.")


def _is_full(folder: Path) -> bool:
    """The kernel bounds each file, and nothing bounds how many a hostile item makes of them."""
    size = count = 0
    for place, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        for name in files:
            with suppress(OSError):  # gone meanwhile
                size += os.lstat(os.path.join(place, name)).st_blocks * 512
        if size > MOST_FOLDER or count > MOST_FILES:
            return True
    return False


def _guards(folder: Path) -> list[str]:
    """The first of them stand in the file before the program begins; it could write there, so nothing is believed."""
    try:
        found = json.loads((folder / "guards.json").read_bytes()[:4_000])
    except (OSError, ValueError):
        return []
    return [f"The program itself. {str(one)[:300]}" for one in found][:4] if isinstance(found, list) else []


def last_words(said: str) -> str:
    """The end of what it said, on one line."""
    return " ".join(said.split())[-MOST_SAID:]


def place_of(command: str) -> str:
    """Where a program of the settings is, or nothing."""
    return shutil.which(command) or ""
