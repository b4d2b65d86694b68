"""Child processes, each the head of a group of its own: started, watched, restarted, ended as a whole."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep, time

GRACE = 20.0  # seconds between asking and killing
LATE_AFTER = 30.0  # seconds without a canary; young groups get as long from their start
ROOT = Path(__file__).resolve().parents[2]


class Child:
    """One command. `sign` is the file that it must keep touching when it is well, every `late_after` seconds."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        logs: Path,
        sign: Path | None = None,
        *,
        late_after: float = LATE_AFTER,
    ) -> None:
        self.name, self.command, self.env, self.sign = name, list(command), dict(env), sign
        self.late_after = late_after
        self.log = logs / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    def start(self) -> "Child":
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command, env=self.env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        self.started_at = time()
        return self

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def is_frozen(self) -> bool:
        """Processes that live but carry nothing: the canary is late."""
        if self.sign is None or not self.is_running:
            return False
        beat = self.sign.stat().st_mtime if self.sign.exists() else 0.0
        return time() - max(beat, self.started_at) > self.late_after

    def ask_to_end(self) -> None:
        """For the head alone, which ends its own: a cluster whose workers are told too hangs for good."""
        if self.process is not None and self.is_running:
            self.process.terminate()

    def kill(self) -> None:
        """The whole group, also when its head is gone already."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def restart(self) -> None:
        """Kill the group, orphans too, and start it again: never two of one kind."""
        self.kill()
        self.start()


class Household:
    """All children of a try-out."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self._guests: list[Child] = []  # end by themselves, are not watched

    def start(self, child: Child) -> Child:
        self.children.append(child.start())
        return child

    def invite(self, child: Child) -> None:
        self._guests.append(child.start())

    def watch(self) -> list[str]:
        """Restart what died or froze; the names of those."""
        ill = [child for child in self.children if child.is_frozen or not child.is_running]
        for child in ill:
            child.restart()
        return [child.name for child in ill]

    def end(self) -> None:
        """Ask all at once, newest first; who does not go within the grace is killed with its group."""
        everybody = self.children + self._guests
        for child in reversed(everybody):
            child.ask_to_end()
        ends = monotonic() + GRACE
        while monotonic() < ends and any(child.is_running for child in everybody):
            sleep(0.05)
        for child in everybody:
            child.kill()
        self.children.clear()
        self._guests.clear()


def python(*arguments: str) -> list[str]:
    """This interpreter with arguments."""
    return [sys.executable, *arguments]


def manage(*arguments: str) -> list[str]:
    """A management command as a child."""
    return python(str(ROOT / "manage.py"), *arguments)
