"""A real `manage.py quickstart` for the tests that need the whole product, once for all of them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

ROOT = Path(__file__).parents[1]
READY_WITHIN = 240.0  # seconds; quickstart gives up before, and says why
ENDS_WITHIN = 30.0  # seconds
# The developer's own settings must not lead a try-out to a database or an address that is not the test's.
FOREIGN = ("DATABASE_URL", "NIGHTDESK_URL", "NIGHTDESK_INTERNAL_HOSTS", "NIGHTDESK_INTERNAL_NETWORKS")


class Tryout:
    """The process, its data folder, and the commands that a person types beside it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.said = data.with_suffix(".out")
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self.env = kept | {"NIGHTDESK_DATA": str(data), "DJANGO_SETTINGS_MODULE": "secops.settings"}
        self.link = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it has printed the sign-in link; fails with what it said when it does not."""
        command = [sys.executable, str(ROOT / "manage.py"), "quickstart", "--port", "0", "--data", str(self.data)]
        # The command line alone must do; the folder in the environment is how its processes are known later.
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=out, stderr=out)
        ends = monotonic() + READY_WITHIN
        while not (found := re.search(r"Open as analyst.*?: (\S+)", self.output)):
            if self.process.poll() is not None or monotonic() > ends:
                pytest.fail(f"quickstart did not get ready:\n{self.output}")
            sleep(0.2)
        self.link = found[1]

    @property
    def output(self) -> str:
        return self.said.read_text()

    @property
    def base(self) -> str:
        return (self.data / "address").read_text().strip()

    def manage(self, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A management command on this folder, or on a copy of it."""
        env = self.env | ({"NIGHTDESK_DATA": str(data)} if data else {})
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)

    def processes(self) -> list[int]:
        """Everybody alive who works on this folder, by the environment that each child inherits."""
        return [int(entry.name) for entry in works_on(self.data)]

    def interrupt(self) -> int | None:
        """Ctrl-C; the exit code, None when it did not end in time."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(ENDS_WITHIN)
        return None

    def clear(self) -> None:
        """After the tests nobody may stay behind, whatever went wrong."""
        self.interrupt()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def tryout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryout]:
    """Ready, with the three stories complete. `tests.order` says who uses it after whom: the stories are read as
    quickstart left them, then two people work on them, then it is interrupted."""
    one = Tryout(tmp_path_factory.mktemp("tryout") / "data")
    try:
        one.start()
        yield one
    finally:
        one.clear()


def works_on(data: Path) -> Iterator[Path]:
    """The folders in /proc of all that work on a data folder, as each child's environment says.

    Zombies have no environment any more; processes of other people cannot be read.
    """
    mark = f"NIGHTDESK_DATA={data}".encode()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                yield entry
