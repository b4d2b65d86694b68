"""What the range's devices hold for an acquisition: files, memory and a disk, made when first asked for and kept.

All of it is simulated and says so inside: nothing here was ever on a device.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from secops.practice.products.world import Record, World
from secops.practice.week import story_beacon, story_registry, story_system
from secops.practice.week.programs import BEACON, BEACON_COPY, BROWSER, EXPLORER, HELPER, MAIL, SVCHOST, Program

MEMORY_BYTES = 4 << 20
DISK_BYTES = 16 << 20
PAGE = 4_096
LABEL = "Practice range: simulated, taken from no real device."
TOOLS = ("mke2fs", "debugfs")
STORY = {
    story_beacon.DEVICE: (BEACON, "https://" + story_beacon.BAD_NAME + "/api/v2/sync"),
    story_beacon.OTHER_DEVICE: (BEACON_COPY, ""),
    **{name: (program, "") for name, program in story_system.ON.items()},
    story_registry.DEVICE: (HELPER, f"https://{story_registry.NAME}{story_registry.PATH}"),
}


class MissingToolError(Exception):
    """The machine of the range lacks a program that a disk is made with."""


class Material:
    """Below FOLDER/acquired, a folder a device."""

    def __init__(self, world: World) -> None:
        self.folder = world.folder / "acquired"
        self._lock = threading.Lock()

    def files(self, device: Record) -> dict[str, bytes]:
        """What a collection of files finds: full paths with forward slashes, as the device is now."""
        user = str(device.get("owner") or "user")
        program, url = STORY.get(device["name"], (None, ""))
        found = {
            "/README-PRACTICE-RANGE.txt": f"{LABEL}\nDevice: {device['name']}\n".encode(),
            "/$MFT": _listing(device, program),
            "/Windows/System32/winevt/Logs/Security.xml": _events(device, user, program),
            "/Windows/System32/drivers/etc/hosts": b"# Copyright (c) practice range\r\n127.0.0.1 localhost\r\n",
            f"/Users/{user}/Documents/notes.txt": f"{LABEL}\r\nQuarterly figures, draft.\r\n".encode(),
        }
        for one in _running(program):
            found[f"/Windows/Prefetch/{one.name.upper()}-{one.md5[:8].upper()}.pf"] = b"SCCA " + LABEL.encode()
        if program:
            found[_path(program)] = program.content
        if program is BEACON:
            found["/Windows/System32/Tasks/OneDriveSync/Update check"] = _task(url)
        return found

    def memory(self, device: Record) -> Path:
        """Pages with the names, command lines and addresses of the programs that ran."""
        return self._kept(device, "memory.raw", lambda path: path.write_bytes(_pages(device)))

    def disk(self, device: Record) -> Path:
        """An ext4 image with files and a deleted one; `MissingToolError` where e2fsprogs is not installed."""
        return self._kept(device, "disk.raw", lambda path: self._make_disk(device, path))

    def _kept(self, device: Record, name: str, make: Callable[[Path], object]) -> Path:
        path: Path = self.folder / device["name"] / name
        with self._lock:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                half = path.with_suffix(".part")
                half.unlink(missing_ok=True)
                make(half)
                os.replace(half, path)
        return path

    def _make_disk(self, device: Record, path: Path) -> None:
        """The device's files on a file system, and the dropper that was there and is deleted."""
        program, _ = STORY.get(device["name"], (None, ""))
        user = str(device.get("owner") or "user")
        gone = f"/Users/{user}/AppData/Local/Temp/{(program or BROWSER).name}"
        with TemporaryDirectory() as folder:
            for name, content in {**self.files(device), gone: (program or BROWSER).content}.items():
                if name != "/$MFT":
                    target = Path(folder) / name.lstrip("/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
            identity = sha256(device["id"].encode()).hexdigest()
            uuid = "-".join(
                (identity[:8], identity[8:12], "4" + identity[13:16], "8" + identity[17:20], identity[20:32])
            )
            _run(
                *("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-b", "1024", "-L", "PRACTICE", "-U", uuid),
                *("-E", f"hash_seed={uuid}", "-d", folder, str(path), f"{DISK_BYTES // 1024}k"),
            )
        _run("debugfs", "-w", "-R", f'rm "{gone}"', str(path))


def _run(name: str, *arguments: str) -> None:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise MissingToolError("no disk image: e2fsprogs is not installed on the practice range's machine")
    subprocess.run([found, *arguments], check=True, capture_output=True, timeout=60)  # noqa: S603 - our own words


def _path(program: Program) -> str:
    return "/" + program.image.partition("\\")[2].replace("\\", "/")


def _running(program: Program | None) -> list[Program]:
    return [EXPLORER, SVCHOST, BROWSER, MAIL, *([program] if program else [])]


def _listing(device: Record, program: Program | None) -> bytes:
    """In place of the table itself: what a listing of it would say."""
    lines = [f"# {LABEL} A listing in place of the master file table of {device['name']}.", "path,size,sha256"]
    lines += [f"{_path(one)},{one.size},{one.sha256}" for one in _running(program)]
    return "\r\n".join(lines).encode() + b"\r\n"


def _events(device: Record, user: str, program: Program | None) -> bytes:
    """Process starts (4688) as Windows writes them in XML."""
    rows = "".join(
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
        '<Provider Name="Microsoft-Windows-Security-Auditing"/><EventID>4688</EventID>'
        f'<TimeCreated SystemTime="{device.get("last_seen")}"/><Computer>{device["name"]}</Computer></System>'
        f'<EventData><Data Name="SubjectUserName">{user}</Data>'
        f'<Data Name="NewProcessName">{one.image}</Data></EventData></Event>\r\n'
        for one in _running(program)
    )
    return f'<?xml version="1.0"?><!-- {LABEL} --><Events>\r\n{rows}</Events>\r\n'.encode()


def _task(url: str) -> bytes:
    command = f"{story_beacon.FOLDER}\\sync.dll,Start"
    text = (
        '<?xml version="1.0" encoding="UTF-16"?>\r\n'
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\r\n'
        f"<RegistrationInfo><URI>{story_beacon.TASK}</URI><Description>{url}</Description></RegistrationInfo>\r\n"
        f"<Actions><Exec><Command>rundll32.exe</Command><Arguments>{command}</Arguments></Exec></Actions></Task>\r\n"
    )
    return text.encode("utf-16")


def _pages(device: Record) -> bytes:
    random = Random(device["id"])  # noqa: S311 - filling, nothing secret
    memory = bytearray(random.randbytes(MEMORY_BYTES))
    for number, text in enumerate(_remembered(device)):
        for wide, words in ((0, text.encode()), (1, text.encode("utf-16-le"))):
            at = (64 * (number + 1) + wide) * PAGE
            memory[at : at + len(words) + 2] = words + bytes(2)
    return bytes(memory)


def _remembered(device: Record) -> Iterator[str]:
    program, url = STORY.get(device["name"], (None, ""))
    yield f"{LABEL} Memory of {device['name']}."
    for one in _running(program):
        yield f'"{one.image}"'
    if program is BEACON:
        yield f"POST {url} HTTP/1.1 Host: {story_beacon.BAD_NAME} {story_beacon.BAD_ADDRESS}:443"
    elif url:
        yield f"GET {url} HTTP/1.1"
