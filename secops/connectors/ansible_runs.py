"""Playing a playbook on hosts, and asking the collector on one of them: bounded in time, ended as a whole."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from secops.connectors.ansible_child import NOT_INSTALLED, end_all_below
from secops.connectors.ansible_inventory import Entry
from secops.connectors.ansible_ssh import CHUNK, Door, Login, command, private, running, tethered
from secops.http import HttpError

SECONDS = 18.0  # of one call, start included
IDLE_SECONDS = 10.0  # without a byte of a file, after which its host is taken to stall
REASON_BYTES = 4_000  # of what ssh said last
MOST = 8_000_000  # bytes of one answer
EFFECT = "Effect"  # how the names of the tasks begin that change something on the host
CHILD = Path(__file__).with_name("ansible_child.py")
PLAYBOOKS = Path(__file__).with_name("playbooks")
MODULES = ("jobs", "material", "packets", "paths", "search", "main")
LOADER = """\
import sys, types
SOURCES = {sources}
BASE = "secops.connectors.collector"
for name in ("secops", "secops.connectors", BASE):
    sys.modules[name] = types.ModuleType(name)
for name, text in SOURCES.items():
    made = sys.modules[BASE + "." + name] = types.ModuleType(BASE + "." + name)
    setattr(sys.modules[BASE], name, made)
    exec(compile(text, name, "exec"), made.__dict__)
made.run()
"""
REASONS = {  # what ssh and sudo say, and what we say
    "host key verification failed": "its host key is not the one in known hosts",
    "host identification has changed": "its host key is not the one in known hosts",
    "permission denied": "it refused our key",
    "a password is required": "sudo wants a password there",
    "python3: not found": "it has no Python 3",
    "python3: no such file": "it has no Python 3",
}
type Row = dict[str, Any]


class NotInstalledError(Exception):
    """Ansible or the ssh client is missing on this server."""


@dataclass(slots=True)
class Played:
    """What came of a playbook: the last answer of each host, or why there is none (in our words)."""

    answers: dict[str, Row] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    begun: bool = False  # a task that changes something may have reached a host
    is_late: bool = False


@cache
def collector() -> str:
    """The collector as one program, its modules under their own names."""
    folder = Path(__file__).with_name("collector")
    return LOADER.format(sources=repr({name: (folder / f"{name}.py").read_text() for name in MODULES}))


def packed(asked: Mapping[str, Any]) -> str:
    """Base64: nothing in it can be a template of Ansible's or a word of a shell."""
    return base64.b64encode(json.dumps(asked).encode()).decode()


def play(
    login: Login, entries: Sequence[Entry], playbook: Path, variables: Mapping[str, str], seconds: float = SECONDS
) -> Played:
    """Play it on these hosts. NotInstalledError before anything; whatever else comes of it stands in the answer."""
    if shutil.which("ssh") is None or find_spec("ansible_runner") is None or find_spec("ansible") is None:
        raise NotInstalledError
    ends = time.monotonic() + seconds
    with private(login, entries) as (folder, door):
        _prepare(folder, login, entries, playbook, variables)
        asked = json.dumps({"folder": str(folder), "playbook": playbook.name, "seconds": seconds + 2}).encode()
        played, code = _events(folder, asked, ends)
        for entry in entries:
            if refusal := door.refusals.get(entry.door):
                played.troubles[entry.name] = refusal
            elif entry.name not in played.answers:
                late = "it took too long" if played.is_late else "Ansible could not play the playbook"
                played.troubles.setdefault(entry.name, late)
        if code == NOT_INSTALLED:
            raise NotInstalledError
        played.begun = played.begun and door.opened > 0
    return played


def ask(login: Login, entry: Entry, verb: str, asked: Mapping[str, Any]) -> Row:
    """Ask the collector on one host; HttpError when no answer comes."""
    body = bytearray()
    for chunk in stream(login, entry, verb, asked, idle=SECONDS):
        body += chunk
        if len(body) > MOST:
            raise HttpError(f"{entry.name} sent more than {MOST} bytes")
    return _row(entry.name, bytes(body))


def stream(
    login: Login,
    entry: Entry,
    verb: str,
    asked: Mapping[str, Any],
    seconds: float = SECONDS,
    idle: float = IDLE_SECONDS,
) -> Iterator[bytes]:
    """What the collector on one host writes. It ends with the reader, and after so many seconds in any case.

    `idle` is how long it may write nothing. Whoever is let in needs the key no more: it goes with the first byte.
    """
    if shutil.which("ssh") is None:
        raise HttpError("The ssh client is not installed on this server", was_sent=False)
    with private(login, [entry]) as (folder, door):
        words = command(folder, login, entry, ["python3", "-", verb, packed(asked)])
        with running(tethered(words), folder, given=collector().encode()) as child:
            timer = threading.Timer(seconds, child.kill)
            timer.start()
            try:
                while chunk := _next(child, idle):
                    (folder / "key").unlink(missing_ok=True)
                    yield chunk
                code = child.wait(5)
            except subprocess.TimeoutExpired:
                code = -9
            finally:
                timer.cancel()
        if code:
            raise HttpError(
                f"{entry.name} {_why(folder, door, entry) if code > 0 else 'took too long'}", was_sent=door.opened > 0
            )


def _next(child: subprocess.Popen[bytes], idle: float) -> bytes:
    """Some bytes, or none at the end; TimeoutExpired when nothing comes."""
    assert child.stdout is not None
    if not select.select([child.stdout], [], [], idle)[0]:
        raise subprocess.TimeoutExpired("ssh", idle)
    return os.read(child.stdout.fileno(), CHUNK)


def _prepare(
    folder: Path, login: Login, entries: Sequence[Entry], playbook: Path, variables: Mapping[str, str]
) -> None:
    for name in ("inventory", "env", "project"):
        (folder / name).mkdir(mode=0o700)
    for source in (PLAYBOOKS, playbook.parent):
        shutil.copytree(source, folder / "project", dirs_exist_ok=True)
    (folder / "collector").write_text(collector())
    hosts = {
        one.name: {
            "ansible_host": one.address,
            "ansible_port": one.port,
            "ansible_user": login.user,
            "ansible_become": login.is_sudo,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        for one in entries
    }
    (folder / "inventory" / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    given = {"collector": str(folder / "collector"), **variables}
    (folder / "env" / "extravars").write_text(json.dumps(given))
    (folder / "ansible.cfg").touch()  # else one of the machine's would count
    quiet = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_LOCAL_TEMP": str(folder / "home" / "tmp"),
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_REMOTE_TMP": "/run/nightdesk/ansible",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_SSH_ARGS": f"-F {folder}/ssh_config",
    }
    (folder / "env" / "envvars").write_text(json.dumps(quiet))


def _events(folder: Path, asked: bytes, ends: float) -> tuple[Played, int]:
    """Read what the child says until it ends or its time is over; then nobody below it is left."""
    played = Played()
    with running([sys.executable, "-I", str(CHILD)], folder, given=asked) as child:
        timer = threading.Timer(max(0.0, ends - time.monotonic()), _stop, (child, played))
        timer.start()
        try:
            assert child.stdout is not None
            for line in child.stdout:
                _take(played, line)
            code = child.wait(5)
        except subprocess.TimeoutExpired:
            code = -9
        finally:
            timer.cancel()
            end_all_below(child.pid)
    return played, code


def _stop(child: subprocess.Popen[bytes], played: Played) -> None:
    played.is_late = True
    end_all_below(child.pid)
    with suppress(ProcessLookupError):
        child.kill()


def _take(played: Played, line: bytes) -> None:
    try:
        event: Row = json.loads(line)
    except ValueError:
        return
    host, kind = str(event.get("host") or ""), event.get("event")
    if kind == "task":
        played.begun = played.begun or str(event["task"]).startswith(EFFECT)
    elif kind == "ok" and event.get("stdout"):
        with suppress(HttpError):
            played.answers[host] = _row(host, str(event["stdout"]).encode())
    elif kind == "ok":
        played.answers.setdefault(host, {})
    elif kind in ("failed", "unreachable"):
        played.answers.pop(host, None)
        played.troubles[host] = (
            _reason(str(event.get("said")))
            or {
                "failed": f"the playbook failed at: {str(event.get('task'))[:80]}",
                "unreachable": "it cannot be reached",
            }[str(kind)]
        )


def _why(folder: Path, door: Door, entry: Entry) -> str:
    with suppress(OSError):
        if reason := _reason(_end_of(folder / "said")):
            return f"cannot be used: {reason}"
    refusal = door.refusals.get(entry.door)
    return f"cannot be reached: {refusal}" if refusal else "did not answer as it should"


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - REASON_BYTES))
        return file.read(REASON_BYTES).decode(errors="replace")


def _reason(said: str) -> str:
    return next((ours for theirs, ours in REASONS.items() if theirs in said.lower()), "")


def _row(name: str, body: bytes) -> Row:
    """One JSON object; what a host says is foreign text, and may be none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HttpError(f"{name} sent an answer that cannot be read") from error
    if not isinstance(found, dict):
        raise HttpError(f"{name} sent an answer that cannot be read")
    return found
