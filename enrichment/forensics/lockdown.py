"""What a forensic process gives up before it reads the first byte: network, files, programs, time, memory."""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct

GIGABYTE = 2**30
SPARE_FILES = 4  # descriptors above the inherited ones: none is needed once the seal is on, libraries may keep a few
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_KILL = 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER, _END_WITH_PARENT = 38, 22, 2, 1
# Numbers of linux/audit.h and of each machine's unistd table.
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CALLS = {
    "x86_64": {
        **{"open": 2, "openat": 257, "openat2": 437, "creat": 85},
        **{"socket": 41, "connect": 42, "socketpair": 53, "io_uring_setup": 425},
        **{"execve": 59, "execveat": 322},
        **{"ptrace": 101, "kill": 62, "process_vm_readv": 310, "process_vm_writev": 311},
    },
    "aarch64": {
        **{"openat": 56, "openat2": 437},
        **{"socket": 198, "connect": 203, "socketpair": 199, "io_uring_setup": 425},
        **{"execve": 221, "execveat": 281},
        **{"ptrace": 117, "kill": 129, "process_vm_readv": 270, "process_vm_writev": 271},
    },
}


def limit(*, seconds: int, memory: int, output: int) -> None:
    """Bounds that the kernel keeps: processor seconds, bytes of address space, bytes of anything written."""
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def cut_off() -> str:
    """Leave every network; what was done, in words."""
    for flags, how in (
        (os.CLONE_NEWNET, "in a network namespace of its own, without any interface"),
        (os.CLONE_NEWUSER | os.CLONE_NEWNET, "in a user and network namespace of its own"),
    ):
        try:
            os.unshare(flags)
        except OSError:
            continue
        return f"Network: {how}."
    return "Network: this system permits no namespace of its own."


def lower() -> str:
    """From root to nobody, where the process was started by root."""
    if os.geteuid() != 0:
        return "User: the worker's own."
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    return "User: nobody."


def seal() -> str:
    """From here on no file is opened, no socket made, no program started; after every import, before any evidence."""
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)  # only after lower(), which would forget it
    most = max((int(name) for name in os.listdir("/proc/self/fd")), default=2) + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    machine = platform.machine()
    calls = _CALLS.get(machine)
    if calls is None or not _filtered(_MACHINES[machine], sorted(calls.values())):
        return "System calls: not filtered on this system; open files and processor time are bounded."
    return "System calls: no file, socket or program can be opened."


def _filtered(machine: int, refused: list[int]) -> bool:
    """Install a seccomp filter that answers EPERM to these calls; False where the kernel takes none."""
    count = len(refused)
    lines = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 calls have other numbers
        (_RETURN, 0, 0, _KILL),
        *((_EQUAL, count - at, 0, number) for at, number in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("HL", len(lines), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)
