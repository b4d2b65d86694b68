"""The process that reads evidence: what it gave up, and what hostile evidence makes of it."""

import ctypes
import os
import platform
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import pytest

from enrichment.forensics import child, package, runner
from enrichment.forensics.image import Descriptor
from enrichment.forensics.notebook import Notebook
from enrichment.forensics.runner import ExaminationError, StoppedError, examine
from enrichment.forensics.scanner import Rules
from tests.enrichment.forensics import material
from tests.enrichment.forensics.conftest import ask

ROOT = Path(child.__file__).parents[2]
TRIES = """
    import os, socket, sys
    sys.path.insert(0, {root!r})
    from enrichment.forensics import lockdown
    lockdown.limit(seconds=20, memory=2**30, output=1_000)
    print(lockdown.cut_off()); print(lockdown.lower()); print(lockdown.seal(), flush=True)
    def says(what):
        try:
            return repr(what())
        except OSError as error:
            return type(error).__name__
    print("file", says(lambda: open({secret!r}).read()))
    print("environment", says(lambda: open("/proc/%d/environ" % os.getppid(), "rb").read()))
    print("socket", says(lambda: socket.socket()))
    print("program", says(lambda: os.execv("/bin/true", ["true"])))
    print("own environment", sorted(os.environ))
    print("memory", end=" ", flush=True)
    try:
        bytearray(2**31)
    except MemoryError:
        print("MemoryError")
"""


def test_no_socket_no_file_no_program_no_environment_and_no_more_memory(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    code = dedent(TRIES).format(root=str(ROOT), secret=str(secret))

    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, env={"LANG": "C.UTF-8"})

    said = done.stdout.splitlines()
    assert said[2].startswith("System calls: no file, socket, program or process can be opened or changed. ")
    assert said[3:7] == [f"{what} PermissionError" for what in ("file", "environment", "socket", "program")]
    assert said[7] == "own environment ['LANG']" or said[7] == "own environment ['LANG', 'LC_CTYPE']"
    assert said[8] == "memory MemoryError"
    if os.geteuid() == 0:
        assert (said[0], said[1]) == (
            "Network: in a network namespace of its own, without any interface.",
            "User: nobody.",
        )


HOLES = """
    import ctypes, os, signal, sys, threading
    sys.path.insert(0, {root!r})
    from enrichment.forensics import lockdown
    kept, mine, folder, libc = {kept!r}, {mine!r}, {folder!r}, ctypes.CDLL(None, use_errno=True)
    lockdown.lower()
    descriptor = os.open(kept, os.O_RDONLY)
    os.truncate(mine, 9)  # until here it is the owner
    lockdown.seal()
    def raw(number, *arguments):
        if libc.syscall(number, *arguments) < 0:
            raise OSError(ctypes.get_errno(), "refused")
    def fork():
        if os.fork() == 0:
            os._exit(0)
    tries = dict(
        chmod=lambda: os.chmod(kept, 0o600),
        fchmod=lambda: os.fchmod(descriptor, 0o600),
        utime=lambda: os.utime(kept, (1, 1)),
        truncate=lambda: os.truncate(mine, 0),
        rename=lambda: os.rename(mine, folder + "/renamed"),
        link=lambda: os.link(mine, folder + "/linked"),
        symlink=lambda: os.symlink(mine, folder + "/symlinked"),
        mkdir=lambda: os.mkdir(folder + "/made"),
        stat=lambda: os.stat(mine),
        listdir=lambda: os.listdir(folder),
        unlink=lambda: os.unlink(mine),
        pidfd_open=lambda: os.pidfd_open(os.getpid()),
        kill=lambda: os.kill(os.getpid(), 0),
        tgkill=lambda: signal.pthread_kill(threading.get_ident(), 0),
        killpg=lambda: os.killpg(0, 0),
        setsid=os.setsid,
        unshare=lambda: os.unshare(os.CLONE_NEWUSER),
        memfd=lambda: os.memfd_create("x"),
        prctl=lambda: raw({prctl}, 1, 0, 0, 0, 0),
        prlimit=lambda: raw({prlimit}, 0, 7, None, None),
        fork=fork,
    )
    for name, attempt in tries.items():
        try:
            attempt()
        except PermissionError:
            continue
        except OSError as error:
            print(name, error)
        else:
            print(name, "passed")
    thread = threading.Thread(target=lambda: print("a thread runs", flush=True))
    thread.start(); thread.join()
    print("read", os.pread(descriptor, 9, 0))
"""
CALLS = {"x86_64": {"prctl": 157, "prlimit": 302}, "aarch64": {"prctl": 167, "prlimit": 261}}


def test_the_owner_of_the_store_can_change_nothing_in_it_and_start_no_process() -> None:
    """Root becomes nobody here, as the product does it: what root may not do shows nothing of the filter."""
    with TemporaryDirectory() as folder:
        kept, mine = Path(folder, "kept"), Path(folder, "mine")
        for path, mode in ((kept, 0o400), (mine, 0o600)):
            path.write_text("evidence\n")
            path.chmod(mode)
        if os.geteuid() == 0:
            for path in (Path(folder), kept, mine):
                os.chown(path, 65534, 65534)
        told = {"root": str(ROOT), "kept": str(kept), "mine": str(mine), "folder": folder}
        code = dedent(HOLES).format(**told, **CALLS[platform.machine()])

        done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, env={})

        assert (done.stdout.splitlines(), done.stderr) == (["a thread runs", "read b'evidence\\n'"], "")
        assert sorted(path.name for path in Path(folder).iterdir()) == ["kept", "mine"]
        assert (kept.stat().st_mode & 0o777, mine.read_text()) == (0o400, "evidence\n")


PATHS = """
    import os, sys
    sys.path.insert(0, {root!r})
    from enrichment.forensics import lockdown
    lockdown._filtered = lambda machine: False  # a machine whose calls are not known
    lockdown.lower()
    print(lockdown.seal())
    for attempt in (lambda: os.unlink({mine!r}), lambda: os.truncate({mine!r}, 0), lambda: open({mine!r})):
        try:
            attempt()
        except PermissionError:
            print("refused")
"""


@pytest.mark.skipif(
    ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) < 1, reason="this system has no Landlock"
)
def test_where_calls_are_not_filtered_landlock_closes_the_paths() -> None:
    with TemporaryDirectory() as folder:
        mine = Path(folder, "mine")
        mine.write_text("evidence")
        if os.geteuid() == 0:
            for path in (Path(folder), mine):
                os.chown(path, 65534, 65534)
        code = dedent(PATHS).format(root=str(ROOT), mine=str(mine))

        done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, env={})

        said = done.stdout.splitlines()
        assert said[0].startswith("System calls: not filtered on this system; ")
        assert said[1:] == ["refused"] * 3
        assert mine.read_text() == "evidence"


def test_the_tool_says_how_it_was_held(disk: Path) -> None:
    guards = ask("disk", disk).report.guards

    assert guards[2].startswith("System calls: no file, socket, program or process can be opened or changed. ")
    assert [guard.partition(":")[0] for guard in guards] == ["Network", "User", "System calls", "Memory"]


@pytest.mark.parametrize("tool", ["disk", "capture"])
def test_random_bytes_end_with_a_reason(tool: str, tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(random.Random(7).randbytes(300_000))

    with pytest.raises(ExaminationError, match="cannot read it"):
        ask(tool, path)


@pytest.mark.parametrize(
    ("start", "tool"),
    [
        (b"EVF\x09\x0d\x0a\xff\x00", "disk"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(12) + b"\1\0\0\0" + b"\xff" * 40, "capture"),
    ],
    ids=["container", "huge packet"],
)
def test_what_only_looks_like_it_ends_with_a_reason(start: bytes, tool: str, tmp_path: Path) -> None:
    path = tmp_path / "lie"
    path.write_bytes(start + random.Random(7).randbytes(3_000))

    with pytest.raises(ExaminationError):
        ask(tool, path)


def test_a_claimed_size_is_not_believed(disk: Path, tmp_path: Path) -> None:
    content = bytearray(disk.read_bytes())
    content[1024 + 4 : 1024 + 8] = b"\xff\xff\xff\x7f"  # blocks of the file system
    path = tmp_path / "huge.dd"
    path.write_bytes(content)

    report = ask("disk", path).report

    assert "The file system is said to be larger than the image: the image is cut off." in report.limits


def test_an_item_too_large_to_hash_first_says_so(disk: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.dd"
    path.write_bytes(disk.read_bytes())
    os.truncate(path, child.HASH_FIRST + 1)

    report = ask("disk", path).report

    assert report.sha256 is None
    assert "Too large to be hashed before it was read." in report.limits
    assert "Too large to be hashed before it was read." not in ask("disk", disk).report.limits


def test_damaged_images_end_in_a_report_or_a_reason(disk: Path, tmp_path: Path) -> None:
    path, dice = tmp_path / "damaged.dd", random.Random(11)
    for _ in range(3):
        content = bytearray(disk.read_bytes())
        for _ in range(3_000):
            content[dice.randrange(1_024, len(content) // 3)] = dice.randrange(256)
        path.write_bytes(content)
        with suppress(ExaminationError):  # a reason is as good; a crash of the tool would be one, too
            assert ask("disk", path).report.tool == "The Sleuth Kit"


def test_a_package_that_grows_is_stopped_on_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, path = Notebook(), material.package(tmp_path)
    monkeypatch.setattr(package, "ENTRY_BYTES", 5_000_000)

    with path.open("rb") as file:
        list(package.Tool(Rules([], notebook), notebook).run(Descriptor(file.fileno())))

    report = notebook.report("x", "1", sha256=None, guards=[])
    assert "zeros.bin is larger than is unpacked here." in report.limits
    assert "zeros.bin" not in [one.name for one in report.notable]


def lying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Path:
    program = tmp_path / "child.py"
    program.write_text(f"import sys, os\nsys.stdin.buffer.read()\nout = sys.stdout.buffer\n{dedent(code)}")
    monkeypatch.setattr(runner, "CHILD", program)
    item = tmp_path / "item"
    item.write_bytes(b"x")
    return item


@pytest.mark.parametrize(
    "code",
    [
        "",
        "out.write(b'hello')",
        "out.write(b'99999999999\\n{}')",
        "out.write(b'2\\n{}')",
        'out.write(b\'39\\n{"type":"report","tool":"x","version":1}\')',
        'said = b\'{"type":"report","tool":"x","version":"1","extra":1}\'; out.write(b"%d\\n" % len(said) + said)',
        'said = b\'{"type":"report","tool":"x","version":"1"}\'; out.write(b"%d\\n" % len(said) + said + b"more")',
        "os.kill(os.getpid(), 11)",
        "sys.exit(3)",
    ],
)
def test_an_answer_that_is_no_report_is_not_believed(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = lying(tmp_path, monkeypatch, code)

    with pytest.raises(ExaminationError, match=r"ended without a report|crashed"):
        ask("package", item)


def test_a_tool_that_does_not_end_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    item = lying(tmp_path, monkeypatch, f"open({str(pid)!r}, 'w').write(str(os.getpid()))\nimport time\ntime.sleep(60)")
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.1)

    with pytest.raises(ExaminationError, match="longer than 1 seconds"):
        ask("package", item, seconds=1)

    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_who_lost_the_examination_ends_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = lying(tmp_path, monkeypatch, "import time\ntime.sleep(60)")
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.1)
    answers: Any = iter([True, False])

    told: dict[str, Any] = {"rules": [], "known": [], "seconds": 60, "goes_on": lambda: next(answers)}
    with item.open("rb") as file, pytest.raises(StoppedError), examine("package", file, **told):
        pass
