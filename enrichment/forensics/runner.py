"""Runs a forensic tool in a limited process of its own and takes its report, believing nothing of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

from msgspec import DecodeError, ValidationError
from msgspec.json import decode

from enrichment.forensics.report import MOST_CARRIED_SUM, MOST_REPORT, Carried, Refusal, Report
from secops.errors import SecopsError

CHILD = Path(__file__).with_name("child.py")
LOOK_SECONDS = 1.0  # between two looks at the process
CHUNK = 2**20
NO_REPORT = "The tool ended without a report that can be read."


class ExaminationError(SecopsError):
    """The tool gave no report; the text says why, in our words and the tool's."""


class StoppedError(Exception):
    """Whoever asked does not want it any more: somebody else has the examination."""


@dataclass(slots=True)
class Answer:
    """A report, and the file with the bytes of what it carries."""

    report: Report
    _out: BinaryIO
    _start: int

    def carried(self) -> Iterator[tuple[Carried, Iterator[bytes]]]:
        """Each recovered file with its bytes, exactly as many as the report says."""
        at = self._start
        for one in self.report.carried:
            yield one, self._chunks(at, one.size)
            at += one.size

    def _chunks(self, at: int, size: int) -> Iterator[bytes]:
        while size:
            chunk = os.pread(self._out.fileno(), min(CHUNK, size), at)
            if not chunk:
                raise ExaminationError(NO_REPORT)
            at, size = at + len(chunk), size - len(chunk)
            yield chunk


@contextmanager
def examine(
    tool: str,
    file: BinaryIO,
    *,
    rules: Iterable[tuple[str, str]],
    known: Iterable[str],
    seconds: int,
    goes_on: Callable[[], bool],
    limits: Iterable[str] = (),
    guards: Iterable[str] = (),
    version: str = "",
) -> Iterator[Answer]:
    """Let `tool` read the open file. `goes_on` is asked every second: False ends the process at once (StoppedError).

    `limits` are what was not looked at, as far as it is known before. Of a file that a program of others wrote,
    `guards` say how that was held, and `version` is its own.
    """
    asked: dict[str, Any] = {"tool": tool, "file": file.fileno(), "rules": list(rules), "known": sorted(known)}
    asked |= {"seconds": seconds, "limits": list(limits), "guards": list(guards), "version": version}
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as out:
        said.write(json.dumps(asked).encode())
        said.seek(0)
        child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-B", str(CHILD)],
            stdin=said,
            stdout=out,
            stderr=subprocess.DEVNULL,  # what it would say there is foreign text
            cwd="/",
            env={"LANG": "C.UTF-8"},
            pass_fds=[file.fileno()],
            start_new_session=True,
        )
        try:
            _await(child, seconds, goes_on)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.returncode != 0:
            raise ExaminationError(_why(child.returncode))
        yield _read(out)


def _await(child: "subprocess.Popen[bytes]", seconds: int, goes_on: Callable[[], bool]) -> None:
    ends = monotonic() + seconds
    while True:
        with suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_SECONDS)
            return
        if not goes_on():
            raise StoppedError
        if monotonic() > ends:
            raise ExaminationError(f"The tool took longer than {seconds} seconds and was ended.")


def _why(code: int) -> str:
    if code == -signal.SIGXCPU or code == -signal.SIGKILL:
        return "The tool used more processor time or memory than it may and was ended."
    if code == -signal.SIGXFSZ:
        return "The tool wrote more than it may and was ended."
    if code < 0:
        return f"The tool crashed over it ({signal.Signals(-code).name})."
    return NO_REPORT


def _read(out: BinaryIO) -> Answer:
    """The length, the report, and nothing but what the report names after it."""
    size = os.fstat(out.fileno()).st_size
    head = os.pread(out.fileno(), 16, 0).partition(b"\n")
    if not head[1] or not head[0].isdigit() or int(head[0]) > MOST_REPORT:
        raise ExaminationError(NO_REPORT)
    start = len(head[0]) + 1
    end = start + int(head[0])
    try:
        found = decode(os.pread(out.fileno(), end - start, start), type=Report | Refusal)
    except (ValidationError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExaminationError(NO_REPORT) from error
    if isinstance(found, Refusal):
        raise ExaminationError(found.refused)
    total = sum(one.size for one in found.carried)
    if total > MOST_CARRIED_SUM or end + total != size:
        raise ExaminationError(NO_REPORT)
    return Answer(found, out, end)
