"""The order in which a try-out comes up, and how it goes down."""

import json
import os
import shlex
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from secops.errors import SecopsError
from secops.tryout import beside
from secops.tryout.processes import Child, Household, manage, python
from secops.tryout.visitor import Sight, Visitor

FRESH = timedelta(hours=12)  # a company generated longer ago is generated anew
STORIES = 3


class TryoutError(SecopsError):
    """A stage that did not come up; names the log that says why."""


class Tryout:
    """Touches no database itself: children do, with the data folder in their environment."""

    def __init__(self, data: Path, port: int, say: Callable[[str], None]) -> None:
        self.data, self.say = data, say
        self.port = port or _free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.household = Household()
        self.visitor = Visitor(self.base)
        self.env = os.environ | {
            "NIGHTDESK_DATA": str(data),
            "NIGHTDESK_PRACTICE": "1",
            "NIGHTDESK_PUBLISH_ALONE": "1",  # there is one admin
            "NIGHTDESK_ENRICHMENT_WORKERS": "1",  # of 32 threads: plenty for one company
            "DJANGO_SETTINGS_MODULE": "secops.settings",
        }
        self.link = ""
        self._lock: IO[str] | None = None

    def start(self) -> None:
        """All stages up to alerts on their way; TryoutError names the stage that failed.

        Refused before anything is touched: where somebody else listens, and where another try-out lives.
        """
        if reason := _refused(self.port):
            raise TryoutError(
                f"Port {self.port} cannot be used: {reason}. Choose another --port N; 0 picks a free one."
            )
        self.data.mkdir(parents=True, exist_ok=True)
        self._lock = beside.hold(self.data)
        if self._lock is None:
            raise TryoutError(f"A quickstart runs on {self.data} already. End that one, or choose another --data DIR.")
        self._company()
        self._range()
        self._once("Set up the database and the shipped runbooks", manage("setup"))
        found = json.loads(
            self._once("Attach the practice range, make users", manage("practice_attach")).splitlines()[-1]
        )
        self._services()
        self.visitor.sign_in(found["link"])
        self.say("Alerts arrive")
        self._detectors(found["token"])
        self.link = self._once("", manage("signin", "analyst")).strip().splitlines()[-1]

    def look(self) -> Sight:
        return self.visitor.look()

    def is_ready(self, sight: Sight) -> bool:
        """One case per story, nothing pending, every page answered."""
        return len(sight.cases) >= STORIES and sight.pending == 0 and sight.seconds is not None

    def end(self) -> None:
        self.household.end()
        if self._lock is not None:
            self._lock.close()

    # --- stages ----------------------------------------------------------------------------------------------------

    def _company(self) -> None:
        note = self.data / "practice/company.json"
        if note.exists():
            anchor = datetime.fromisoformat(json.loads(note.read_text())["anchor"])
            if datetime.now(UTC) - anchor < FRESH:
                self.say("The simulated company is there")
                return
        self._once(
            "Simulate a company and seven days of logs", python("-m", "secops.practice.generate", str(self.data))
        )

    def _range(self) -> None:
        ports = self.data / "practice/ports.json"
        ports.unlink(missing_ok=True)
        self._service("range", python("-m", "secops.practice.server", "--data", str(self.data)))
        self._until("Start the practice range", "range", ports.exists)
        found = json.loads(ports.read_text())
        inside = f"{beside.internal_pairs(self.data)} {self.env.get('NIGHTDESK_INTERNAL_HOSTS', '')}"
        self.env = self.env | {"NIGHTDESK_INTERNAL_HOSTS": inside.strip()}
        for child in self.household.children:  # a restarted range comes back on its ports
            child.command += ["--port", str(found["http"]), "--smtp-port", str(found["smtp"])]

    def _services(self) -> None:
        (self.data / "address").write_text(self.base)
        alive = self.data / "alive"
        web = ["-m", "gunicorn", "secops.wsgi", "--bind", f"127.0.0.1:{self.port}", "--workers", "2", "--threads", "4"]
        self._service("web", python(*web))
        self._service("tick", manage("tick"), alive / "tick")
        for queue in ("response", "enrichment"):
            self._service(queue, manage("qcluster"), alive / f"queue-{queue}", {"Q_CLUSTER_NAME": queue})
        self._until("Start web, clock and two clusters", "web", self.visitor.is_up)

    def _detectors(self, token: str) -> None:
        command = python("-m", "secops.tryout.detectors", self.base, str(self.data / "practice/alerts"))
        self._once("", command, {"NIGHTDESK_RANGE_TOKEN": token})
        self.token = token

    def typed(self, command: str) -> str:
        """A command as somebody types it beside this try-out."""
        folder = "" if self.data == beside.USUAL else f"NIGHTDESK_DATA={shlex.quote(str(self.data))} "
        return f"{folder}uv run manage.py {command}"

    def send_noise(self) -> None:
        """Ordinary alerts, slowly, while somebody looks around."""
        command = python("-m", "secops.tryout.detectors", self.base, str(self.data / "practice/alerts"), "--noise")
        env = self.env | {"NIGHTDESK_RANGE_TOKEN": self.token}
        self.household.invite(Child("detectors", command, env, self._logs))

    @property
    def _logs(self) -> Path:
        return self.data / "service-logs"

    def _service(
        self, name: str, command: list[str], sign: Path | None = None, extra: dict[str, str] | None = None
    ) -> None:
        self.household.start(Child(name, command, self.env | (extra or {}), self._logs, sign))

    def _once(self, stage: str, command: list[str], extra: dict[str, str] | None = None) -> str:
        """Run a child to its end; its output, or a TryoutError with the end of what it said."""
        if stage:
            self.say(stage)
        done = subprocess.run(command, env=self.env | (extra or {}), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise TryoutError(f"{stage or command[-1]} failed: {done.stderr.strip()[-1500:]}")
        return done.stdout

    def _until(self, stage: str, name: str, is_there: Callable[[], bool], seconds: float = 60) -> None:
        self.say(stage)
        child = next(one for one in self.household.children if one.name == name)
        ends = monotonic() + seconds
        while not is_there():
            if not child.is_running or monotonic() > ends:
                raise TryoutError(f"{stage} failed; {child.log} says why: {child.log.read_text()[-800:]}")
            sleep(0.1)


def _refused(port: int) -> str:
    """Why the web server could not listen there; it would not mind connections that are only waiting to end."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return (error.strerror or "no reason given").lower()
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
