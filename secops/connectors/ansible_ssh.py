"""SSH without a socket of its own: a private folder with key and options, and a door through the egress guard.

Each connection is opened by this process (secops/egress.py) and handed to ssh as a file descriptor (ProxyUseFdpass),
so that the address that was checked is the one connected to, and a worker that was frozen sends nothing.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path

from secops import egress, intent
from secops.connectors.ansible_inventory import Entry

DOOR = Path(__file__).with_name("ansible_door.py")
TETHER = Path(__file__).with_name("ansible_tether.py")
PREFIX = "nightdesk-ssh-"
STALE = 6 * 3_600.0  # seconds: longer than any stream; what a killed worker left is removed then
KEY_STALE = 600.0  # seconds: much longer than a playbook, or than a stream takes to begin, which needs no key then
CHUNK = 1 << 16
CONNECT_SECONDS = 6.0
CONFIG = """\
BatchMode yes
ClearAllForwardings yes
ConnectTimeout 8
ControlMaster no
ForwardAgent no
GlobalKnownHostsFile /dev/null
IdentitiesOnly yes
IdentityAgent none
IdentityFile "{folder}/key"
LogLevel ERROR
PasswordAuthentication no
PermitLocalCommand no
ProxyCommand {door} %h %p
ProxyUseFdpass yes
ServerAliveInterval 5
StrictHostKeyChecking yes
UpdateHostKeys no
User {user}
UserKnownHostsFile "{folder}/known_hosts"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to sign in on the hosts."""

    user: str
    key: str
    known_hosts: str
    is_sudo: bool


@dataclass(slots=True)
class Door:
    """Opens the sockets of one call. `refusals`: why one was not opened, in our words, by host and port."""

    path: Path
    allowed: frozenset[tuple[str, int]]
    refusals: dict[tuple[str, int], str] = field(default_factory=dict)
    opened: int = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return  # the call is over
            with line, suppress(OSError, ValueError):
                line.settimeout(5)
                host, port = line.recv(300).decode().split()
                self._open(line, host, int(port))

    def _open(self, line: socket.socket, host: str, port: int) -> None:
        if (host.lower(), port) not in self.allowed:
            return
        if intent.is_spent():
            self.refusals[host.lower(), port] = "this worker was frozen before it could send"
            return
        try:
            with egress.connect(host, port, timeout=CONNECT_SECONDS) as opened:
                self.opened += 1
                socket.send_fds(line, [b"\0"], [opened.fileno()])
        except egress.EgressError as error:
            self.refusals[host.lower(), port] = str(error)


@contextmanager
def private(login: Login, entries: Sequence[Entry]) -> Iterator[tuple[Path, Door]]:
    """A folder (0700) with key, known hosts and options, and a door to these hosts; both are gone afterwards."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        _write(folder / "key", key_text(login.key))
        _write(folder / "known_hosts", login.known_hosts.strip() + "\n")
        door = shlex.join([sys.executable, "-I", "-S", str(DOOR), str(folder / "door")])
        _write(folder / "ssh_config", CONFIG.format(folder=folder, door=door, user=login.user))
        with _door(folder, entries) as opened:
            yield folder, opened
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _door(folder: Path, entries: Sequence[Entry]) -> Iterator[Door]:
    door = Door(folder / "door", frozenset(one.door for one in entries))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(door.path))
        listener.listen(32)
        context = copy_context()  # with the intent of who called
        thread = threading.Thread(target=context.run, args=(door.serve, listener), name="ssh-door", daemon=True)
        thread.start()
        try:
            yield door
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
            thread.join(CONNECT_SECONDS + 1)


def command(folder: Path, login: Login, entry: Entry, remote: Sequence[str]) -> list[str]:
    """ssh with the options of the folder; the remote command as the words of a list."""
    words = ["sudo", "-n", *remote] if login.is_sudo else list(remote)
    return ["ssh", "-F", str(folder / "ssh_config"), "-p", str(entry.port), "--", entry.address, shlex.join(words)]


def tethered(words: Sequence[str]) -> list[str]:
    """The same command, ended by the kernel with this worker, and with a bound for what it writes to a file."""
    return [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *words]


@contextmanager
def running(words: Sequence[str], folder: Path, *, given: bytes) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a process group of its own, ended as a group; its input is a file, so that nothing can block."""
    asked = folder / "given"
    asked.write_bytes(given)
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    with asked.open("rb") as stdin, (folder / "said").open("wb") as stderr:
        child = subprocess.Popen(  # noqa: S603
            list(words), stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, cwd=folder, env=env, start_new_session=True
        )
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, 9)
        child.wait()
        if child.stdout:
            child.stdout.close()


def key_text(key: str) -> str:
    """A private key as a file of lines: a one-line field, or `--secret`, leaves no line breaks in it."""
    found = re.fullmatch(r"\s*(-----BEGIN [A-Z ]+-----)([A-Za-z0-9+/=\s\\n]+)(-----END [A-Z ]+-----)\s*", key)
    if found is None:
        return key.strip() + "\n"
    body = re.sub(r"\s|\\n", "", found[2])
    return "\n".join([found[1], *(body[at : at + 70] for at in range(0, len(body), 70)), found[3], ""])


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _sweep() -> None:
    """Folders of ours that a killed worker could not remove."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = path.lstat()  # a link may lead to what is no folder of this module
            age = time.time() - status.st_mtime
            if status.st_uid == os.getuid() and age > STALE:
                shutil.rmtree(path, ignore_errors=True)
            elif status.st_uid == os.getuid() and age > KEY_STALE:
                (path / "key").unlink(missing_ok=True)
