"""What is collected: a triage package, a disk, one file, the memory of a guest."""

import contextlib
import hashlib
import io
import json
import os
import platform
import socket
import stat
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secops.connectors.collector.jobs import Job, Refused, Row

BLOCK, SECTOR = 1 << 20, 512
MOST_FILE, MOST_TRIAGE, MOST_ENTRY = 200_000_000, 300_000_000, 20_000_000  # bytes copied into the work folder
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
COMMANDS = {
    "processes.txt": "ps auxwwf",
    "sockets.txt": "ss -anp --tcp --udp --raw",
    "interfaces.txt": "ip addr",
    "routes.txt": "ip route show table all",
    "neighbours.txt": "ip neigh",
    "firewall.txt": "nft list ruleset",
    "mounts.txt": "cat /proc/self/mounts",
    "modules.txt": "cat /proc/modules",
    "users.txt": "who -a",
    "logins.txt": "last -Faiw",
    "units.txt": "systemctl list-units --all --no-pager",
    "packages.txt": "dpkg -l",
}
PLACES = [
    *("/etc/crontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/var/spool/cron"),
    *("/etc/systemd/system", "/etc/rc.local", "/etc/init.d", "/etc/profile.d", "/etc/ld.so.preload", "/etc/passwd"),
    *("/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/ssh/sshd_config", "/var/log"),
]
OF_A_HOME = [
    *(".bash_history", ".zsh_history", ".python_history", ".sh_history", ".bashrc", ".profile", ".bash_profile"),
    *(".ssh/authorized_keys", ".config/autostart", ".config/systemd/user"),
]


def check_disk(asked: Row) -> Row:
    """Its canonical name; a device by a link such as /dev/disk/by-id is the device that it leads to."""
    with contextlib.suppress(OSError):
        device = Path(asked["path"]).resolve(strict=True)
        if stat.S_ISBLK(device.stat().st_mode):
            return {"device": str(device)}
    raise Refused("there is no such disk on the host")


def check_file(asked: Row) -> Row:
    with contextlib.suppress(OSError):
        found = Path(asked["path"]).lstat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= MOST_FILE:
            return {}
        raise Refused("it is no plain file, or too large to be copied")
    raise Refused("there is no such file on the host")


def check_memory(asked: Row) -> Row:
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(Path(asked["qmp"]).stat().st_mode):
            return {}
    raise Refused("the hypervisor has no control socket of the guest; is it running?")


def triage(job: Job) -> None:
    """What is lost first comes first: processes and sockets, then persistence and histories, then logs."""
    target = job.parts / f"triage-{socket.gethostname()}.tar.gz"
    total = 0
    job.note(tool_version=f"Python {platform.python_version()}")
    with tarfile.open(target, "w:gz", compresslevel=3) as package:
        for name, content in _live():
            total += _add(package, f"live/{name}", content)
            job.note(done_bytes=total)
        for path in _files():
            if job.is_stopped():
                return
            with contextlib.suppress(OSError):
                size = path.lstat().st_size
                if size <= MOST_ENTRY and total + size <= MOST_TRIAGE:
                    package.add(path, arcname=f"files{path}", recursive=False)
                    total += size
                    job.note(done_bytes=total)
    job.finish(target)


def disk(job: Job) -> None:
    """Read once and hash; nothing is written to it, and its bytes are fetched from the device itself."""
    device = Path(job.asked["device"])
    digest, errors = hashlib.sha256(), 0
    job.note(tool_version=f"Python {platform.python_version()}")
    with device.open("rb", buffering=0) as source:
        size = source.seek(0, os.SEEK_END)
        for block, bad in blocks(source, 0, size):
            digest.update(block)
            errors += bad
            if job.is_stopped():
                return
            job.note(done_bytes=source.tell(), total_bytes=size, read_errors=errors)
    job.note(is_in_use=_is_mounted(device))
    part = {"name": f"{device.name}.raw", "size": size, "sha256": digest.hexdigest()}
    job.note(state="done", ended_at=time.time(), parts=[part], done_bytes=size, total_bytes=size, read_errors=errors)


def one_file(job: Job) -> None:
    """A copy, so that its bytes stay the same while they are fetched."""
    source = Path(job.asked["path"])
    target = job.parts / source.name
    with source.open("rb") as reading, target.open("wb") as writing:
        while block := reading.read(BLOCK):
            writing.write(block)
    job.finish(target)


def memory(job: Job) -> None:
    """The memory of a QEMU guest, written by its hypervisor (QMP `dump-guest-memory`)."""
    target = job.parts / "memory.elf"
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(job.asked["qmp"])
        talk = line.makefile("rw")
        talk.readline()  # the greeting
        _qmp(talk, "qmp_capabilities")
        version = _qmp(talk, "query-version")["qemu"]
        job.note(tool_version=f"{version['major']}.{version['minor']}.{version['micro']}")
        _qmp(talk, "dump-guest-memory", paging=False, protocol=f"file:{target}", detach=True)
        while (dump := _qmp(talk, "query-dump"))["status"] == "active":
            job.note(done_bytes=dump["completed"], total_bytes=dump["total"])
            time.sleep(0.2)
    if dump["status"] != "completed":
        raise Refused("QEMU could not write the memory of the guest")
    job.finish(target)


def blocks(source: Any, offset: int, size: int) -> Iterator[tuple[bytes, int]]:
    """The bytes from an offset on, with the number of sectors that cannot be read: those are zeros."""
    at = offset
    while at < size:
        want = min(BLOCK, size - at)
        source.seek(at)
        try:
            block, bad = source.read(want), 0
        except OSError:
            block, bad = _by_sector(source, at, want)
        if not block:
            return
        at += len(block)
        yield block, bad


def _is_mounted(device: Path) -> bool:
    """As far as can be seen from here: the device or one of its partitions."""
    with contextlib.suppress(OSError):
        mounts = [line.split()[0] for line in Path("/proc/self/mounts").read_text().splitlines()]
        parts = [f"/dev/{one.parent.name}" for one in Path("/sys/class/block", device.name).glob("*/partition")]
        return any(name in mounts for name in (str(device), *parts))
    return False


def _by_sector(source: Any, at: int, want: int) -> tuple[bytes, int]:
    read, bad = bytearray(), 0
    for start in range(at, at + want, SECTOR):
        length = min(SECTOR, at + want - start)
        source.seek(start)
        try:
            read += source.read(length)
        except OSError:
            read += bytes(length)
            bad += 1
    source.seek(at + want)
    return bytes(read), bad


def _live() -> Iterator[tuple[str, bytes]]:
    yield "processes.json", json.dumps(list(_processes()), indent=1).encode()
    for name, command in COMMANDS.items():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(  # noqa: S603
                command.split(), capture_output=True, timeout=15, check=False, env={"PATH": PATH, "LC_ALL": "C"}
            )
            yield name, done.stdout[:MOST_ENTRY]


def _processes() -> Iterator[Row]:
    """From the kernel itself: a changed `ps` hides nothing here."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield {
                "pid": int(folder.name),
                "command": (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1],
                "status": (folder / "status").read_text(errors="replace").splitlines()[:12],
                "program": _link(folder / "exe"),
                "folder": _link(folder / "cwd"),
            }


def _link(path: Path) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(path)
    return ""


def _files() -> Iterator[Path]:
    homes = [Path("/root"), *sorted(Path("/home").glob("*"))]
    for root in [home / name for home in homes for name in OF_A_HOME] + [Path(name) for name in PLACES]:
        yield from [root] if not root.is_dir() else (one for one in sorted(root.rglob("*")) if one.is_file())


def _add(package: tarfile.TarFile, name: str, content: bytes) -> int:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(content), int(time.time())
    package.addfile(entry, io.BytesIO(content))
    return len(content)


def _qmp(talk: Any, command: str, **arguments: Any) -> Any:
    """One command and its answer; events that come between are left aside."""
    talk.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    talk.flush()
    while line := talk.readline():
        answer = json.loads(line)
        if "return" in answer:
            return answer["return"]
        if "error" in answer:
            raise Refused("QEMU refused to write the memory of the guest")
    raise Refused("QEMU broke off")
