"""What the range's devices hold for an acquisition: files, memory and a disk, made when first asked for and kept.

All of it is simulated and says so inside: nothing here was ever on a device.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from secops.practice.kql.table_files import Tables
from secops.practice.products import windows_files
from secops.practice.products.world import Record, World, moment_of
from secops.practice.week import story_beacon, story_registry, story_system
from secops.practice.week.programs import AGENT, BEACON, BEACON_COPY, BROWSER, EXPLORER, HELPER, MAIL, SVCHOST, Program

MEMORY_BYTES = 4 << 20
DISK_BYTES = 16 << 20
PAGE = 4_096
LABEL = "Practice range: simulated, taken from no real device."
TOOLS = ("mke2fs", "debugfs")
TASK = "/Windows/System32/Tasks/OneDriveSync/Update check"
STORY = {
    story_beacon.DEVICE: (BEACON, "https://" + story_beacon.BAD_NAME + "/api/v2/sync"),
    story_beacon.OTHER_DEVICE: (BEACON_COPY, ""),
    **{name: (program, "") for name, program in story_system.ON.items()},
    story_registry.DEVICE: (HELPER, f"https://{story_registry.NAME}{story_registry.PATH}"),
}

RUN = "Microsoft\\Windows\\CurrentVersion\\Run"
SET_UP = 40 * 86_400.0  # seconds before the anchor, when the device was set up
DROPPED_FOR = 41.0  # seconds that the dropper outlived the start of what it dropped


@dataclass(frozen=True, slots=True)
class Times:
    """When things happened on a device, as the logs of the week tell it; seconds since 1970."""

    set_up: float
    written: float  # the program of the story
    started: float
    kept: float  # what starts it again

    @property
    def dropper_gone(self) -> float:
        return self.started + DROPPED_FOR


class MissingToolError(Exception):
    """The machine of the range lacks a program that a disk is made with."""


class Material:
    """Below FOLDER/acquired, a folder a device."""

    def __init__(self, world: World) -> None:
        self.folder, self._world = world.folder / "acquired", world
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}

    def files(self, device: Record) -> dict[str, bytes]:
        """What a collection of files finds: full paths with forward slashes, as the device is now."""
        user = str(device.get("owner") or "user")
        program, url = STORY.get(device["name"], (None, ""))
        times = self._times(device)
        found = {
            "/README-PRACTICE-RANGE.txt": f"{LABEL}\nDevice: {device['name']}\n".encode(),
            "/$MFT": _listing(device, program),
            "/Windows/System32/winevt/Logs/Security.evtx": _events(times, user, program),
            "/Windows/System32/config/SOFTWARE": _software(times, program),
            "/Windows/System32/drivers/etc/hosts": b"# Copyright (c) practice range\r\n127.0.0.1 localhost\r\n",
            f"/Users/{user}/Documents/notes.txt": f"{LABEL}\r\nQuarterly figures, draft.\r\n".encode(),
        }
        for one in _running(program):
            found[f"/Windows/Prefetch/{one.name.upper()}-{one.md5[:8].upper()}.pf"] = b"SCCA " + LABEL.encode()
        if program:
            found[_path(program)] = program.content
        if program is BEACON:
            found[TASK] = _task(url)
        return found

    def _times(self, device: Record) -> Times:
        """The company's week ends at its anchor; without a company nothing has happened yet."""
        told = self._world.company.get("anchor")
        anchor = (moment_of(told) if told else self._world.now()).timestamp()
        first, change = story_beacon.first_beacon_at(anchor), story_registry.changed_at(anchor)
        copied, set_up = first + story_beacon.COPY_AFTER, anchor - SET_UP
        return {
            story_beacon.DEVICE: Times(set_up, first - 1091.2, first - 8.7, first - 276.0),
            story_beacon.OTHER_DEVICE: Times(set_up, copied - 300, copied, copied),
            story_registry.DEVICE: Times(set_up, change - 174, change - 3.2, change),
        }.get(device["name"]) or self._logged(device, set_up)

    def _logged(self, device: Record, set_up: float) -> Times:
        """When the EDR's table saw the program of a story written, which is read once; without one, the set-up."""
        program, _ = STORY.get(device["name"], (None, ""))
        tables = Tables(self._world.folder / "tables")
        if device["name"] not in self._written and program is not None and tables.has("DeviceFileEvents"):
            rows = tables.rows("DeviceFileEvents")
            told = (row["Timestamp"] for row in rows if row.get("SHA256") == program.sha256)
            self._written[device["name"]] = next((moment_of(one).timestamp() for one in told), set_up)
        at = self._written.get(device["name"], set_up)
        return Times(set_up, at, at, at)

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
        """The device's files on a file system, each with its time, and the dropper that was there and is deleted."""
        program, _ = STORY.get(device["name"], (None, ""))
        user, times = str(device.get("owner") or "user"), self._times(device)
        gone = f"/Users/{user}/AppData/Local/Temp/{(program or BROWSER).name}"
        files = {name: content for name, content in self.files(device).items() if name != "/$MFT"}
        files |= {gone: (program or BROWSER).content}
        changed = {name: int(_changed(name, gone, program, times)) for name in files}
        with TemporaryDirectory() as folder:
            for name, content in files.items():
                target = Path(folder) / name.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                os.utime(target, (changed[name], changed[name]))
            identity = sha256(device["id"].encode()).hexdigest()
            uuid = "-".join(
                (identity[:8], identity[8:12], "4" + identity[13:16], "8" + identity[17:20], identity[20:32])
            )
            _run(
                *("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-b", "1024", "-L", "PRACTICE", "-U", uuid),
                *("-E", f"hash_seed={uuid}", "-d", folder, str(path), f"{DISK_BYTES // 1024}k"),
                at=times.set_up,
            )
        # The image has to say when it happened on the device, not when the range wrote it.
        orders = [
            f'set_inode_field "{name}" {field} @{at}' for name, at in changed.items() for field in ("crtime", "ctime")
        ]
        orders += [f'set_inode_field "{gone}" ctime @{int(times.dropper_gone)}', f'rm "{gone}"']
        _run("debugfs", "-w", "-f", "-", str(path), at=times.dropper_gone, orders="\n".join(orders))


def _changed(name: str, gone: str, program: Program | None, times: Times) -> float:
    """When a file of the device was last written."""
    if program is not None and name in (_path(program), gone):
        return times.written
    if name == TASK or name.endswith("/config/SOFTWARE"):
        return times.kept
    return times.started if name.endswith((".pf", ".evtx")) else times.set_up


def _run(name: str, *arguments: str, at: float, orders: str = "") -> None:
    """A program of e2fsprogs, whose clock stands at a moment."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        raise MissingToolError("no disk image: e2fsprogs is not installed on the practice range's machine")
    env = {"PATH": path, "E2FSPROGS_FAKE_TIME": str(int(at))}
    command = [found, *arguments]
    subprocess.run(command, input=orders.encode(), env=env, check=True, capture_output=True, timeout=60)  # noqa: S603


def _path(program: Program) -> str:
    return "/" + program.image.partition("\\")[2].replace("\\", "/")


def _running(program: Program | None) -> list[Program]:
    return [EXPLORER, SVCHOST, BROWSER, MAIL, *([program] if program else [])]


def _listing(device: Record, program: Program | None) -> bytes:
    """In place of the table itself: what a listing of it would say."""
    lines = [f"# {LABEL} A listing in place of the master file table of {device['name']}.", "path,size,sha256"]
    lines += [f"{_path(one)},{one.size},{one.sha256}" for one in _running(program)]
    return "\r\n".join(lines).encode() + b"\r\n"


def _events(times: Times, user: str, program: Program | None) -> bytes:
    """Process starts (4688) in an event log of Windows."""
    log = windows_files.EventLog()
    for one in _running(program):
        at = times.started if one is program else times.set_up
        command = f'"{one.image}"'
        log.add(4688, at, SubjectUserName=user, NewProcessName=one.image, CommandLine=command)
    return log.content()


def _software(times: Times, program: Program | None) -> bytes:
    """The machine's part of the registry: what starts by itself."""
    values = {"Harbour Agent": f'"{AGENT.image}" --tray'}
    if program is HELPER:
        values[story_registry.VALUE] = f'"{HELPER.image}" -q'
    return windows_files.hive(RUN, values, times.kept)


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
