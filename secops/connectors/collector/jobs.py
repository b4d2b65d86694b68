"""Jobs in the background of a host: each has a folder by its key, a state that is told, and parts to be fetched."""

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
LIVE = ("starting", "running")


class Refused(Exception):  # noqa: N818 - the word of the capabilities
    """It cannot be had here; nothing was started."""


def start(work: Path, asked: Row, check: Callable[[Row], Row], job: Callable[["Job"], None]) -> Row:
    """The same key finds the same job, also when the first answer was lost."""
    handle = hashlib.sha256(asked["key"].encode()).hexdigest()[:32]
    folder = work / "jobs" / handle
    found = known(folder / "job.json") or {**asked, **check(asked)}  # a refusal leaves nothing behind
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "job.json").exists():
            (folder / "parts").mkdir(mode=0o700, exist_ok=True)
            write(folder / "state.json", {"state": "starting"})
            write(folder / "job.json", {**found, "started_at": time.time()})
            _in_background(Job(folder), job)
    return {"handle": handle}


def opened(work: Path, asked: Row) -> "Job":
    """By its handle; one that is not there was lost with the host's memory, or is none of ours."""
    handle = str(asked["handle"])
    if len(handle) != 32 or not set(handle) <= set("0123456789abcdef") or not (work / "jobs" / handle).is_dir():
        raise Refused("the host does not know it; was it restarted?")
    return Job(work / "jobs" / handle)


class Job:
    """One folder: job.json (what was asked), state.json (how far it is), parts/ (what can be fetched)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / "parts"
        self.asked = known(folder / "job.json")
        self._noted = 0.0
        self._state: Row = {}

    def state(self) -> Row:
        """How far it is; a process that went without a word has failed."""
        told = known(self.folder / "state.json")
        if told.get("state") in LIVE and not _is_alive(told):
            time.sleep(0.2)  # it may have been between two writes
            told = known(self.folder / "state.json")
            if told.get("state") in LIVE and not _is_alive(told) and time.time() - self.asked["started_at"] > 5:
                told = {**told, "state": "failed", "text": "It ended without a word; was the host restarted?"}
                write(self.folder / "state.json", told)
        return {"started_at": self.asked["started_at"], **told}

    def stop(self) -> None:
        """Ask it to end, and give it some seconds to write down what it holds."""
        (self.folder / "stop").touch()
        for _ in range(50):
            told = known(self.folder / "state.json")
            if told.get("state") not in LIVE or not _is_alive(told):
                return
            time.sleep(0.1)

    def is_stopped(self) -> bool:
        return (self.folder / "stop").exists()

    def note(self, **told: Any) -> None:
        """Write down how far it is; bytes at most twice a second."""
        is_news = any(name not in ("done_bytes", "read_errors") for name in told if self._state.get(name) != told[name])
        self._state.update(told)
        if is_news or time.monotonic() - self._noted > 0.5:
            self._noted = time.monotonic()
            write(self.folder / "state.json", {"pid": os.getpid(), "born": _born(os.getpid()), **self._state})

    def finish(self, *paths: Path) -> None:
        """Its parts are ready, hashed where they lie."""
        parts = [{"name": one.name, "size": one.stat().st_size, "sha256": sha256_of(one)} for one in paths]
        self.note(state="done", ended_at=time.time(), parts=parts)

    def forget(self) -> None:
        """End it and remove what it left in the work folder."""
        self.stop()
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
        self.folder.rmdir()


def _in_background(job: Job, work: Callable[[Job], None]) -> None:
    """Twice forked, in a session of its own: it lives on when the connection ends."""
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, 256)  # the lock, too: who asks again must not wait for the job's end
    try:
        job = Job(job.folder)
        job.note(state="running")
        work(job)
    except Exception as error:  # noqa: BLE001 - whatever it was, who waits must be told
        job.note(state="failed", ended_at=time.time(), text=f"{type(error).__name__}: {error}"[:300])
    os._exit(0)


def known(path: Path) -> Row:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, row: Row) -> None:
    """Whole or not at all."""
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(row))
    fresh.replace(path)


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _born(pid: int) -> str:
    """The start time that tells a process from a later one of the same number; "" when it has ended."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if words[0] in "ZX" else words[19]
    return ""


def _is_alive(told: Row) -> bool:
    return bool(told.get("pid")) and _born(told["pid"]) == told.get("born")
