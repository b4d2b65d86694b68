"""What a forensic process gives up before it reads the first byte: network, files, programs, time, memory."""

import ctypes
import errno
import os
import platform
import resource
import signal
import stat
import struct

GIGABYTE = 2**30
MOST_PROCESSES = 256  # of a program of others, with its threads
NO_NAMESPACE = "Network: this system permits no namespace of its own."
SPARE_FILES = 4  # descriptors above the inherited ones: none is needed once the seal is on, libraries may keep a few
_ALLOW, _REFUSE, _UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_KILL = 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER, _END_WITH_PARENT = 38, 22, 2, 1
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # where struct seccomp_data has them; both machines are little-endian
# Numbers of linux/audit.h and of each machine's unistd table.
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435  # on both; its flags lie in memory, where a filter cannot look
# All that a tool does once it is loaded: read what is open, answer, take memory, tell the time, run threads, end.
# Whatever is not here is refused: in a worker that is not root the process is the owner of the store.
_CALLS = {
    "x86_64": {
        **{"read": 0, "pread64": 17, "readv": 19, "lseek": 8, "fstat": 5, "write": 1, "writev": 20, "close": 3},
        **{"mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "mremap": 25, "madvise": 28},
        **{"rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sigaltstack": 131},
        **{"futex": 202, "sched_yield": 24, "sched_getaffinity": 204, "set_robust_list": 273, "rseq": 334},
        **{"clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "nanosleep": 35, "gettimeofday": 96},
        **{"time": 201, "getrandom": 318, "getpid": 39, "gettid": 186},
        **{"restart_syscall": 219, "exit": 60, "exit_group": 231},
    },
    "aarch64": {
        **{"read": 63, "pread64": 67, "readv": 65, "lseek": 62, "fstat": 80, "write": 64, "writev": 66, "close": 57},
        **{"mmap": 222, "mprotect": 226, "munmap": 215, "brk": 214, "mremap": 216, "madvise": 233},
        **{"rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "sigaltstack": 132},
        **{"futex": 98, "sched_yield": 124, "sched_getaffinity": 123, "set_robust_list": 99, "rseq": 293},
        **{"clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "nanosleep": 101, "gettimeofday": 169},
        **{"getrandom": 278, "getpid": 172, "gettid": 178},
        **{"restart_syscall": 128, "exit": 93, "exit_group": 94},
    },
}
# What a program of others has no need of: to speak to a socket of this machine, which Landlock does not see; to reach
# or end another process; to leave the group that is ended with it; to have the kernel do any of it in its place.
_REFUSED = {
    "x86_64": {
        **{"socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46, "bind": 49, "listen": 50},
        **{"accept4": 288, "sendmmsg": 307, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427},
        **{"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434, "pidfd_getfd": 438},
        **{"kill": 62, "tkill": 200, "tgkill": 234, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297},
        **{"pidfd_send_signal": 424, "setsid": 112, "setpgid": 109, "unshare": 272, "setns": 308, "mount": 165},
        **{"bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "add_key": 248, "request_key": 249, "keyctl": 250},
        **{"shmget": 29, "shmat": 30, "semget": 64, "msgget": 68, "mq_open": 240},
    },
    "aarch64": {
        **{"socket": 198, "connect": 203, "accept": 202, "sendto": 206, "sendmsg": 211, "bind": 200, "listen": 201},
        **{"accept4": 242, "sendmmsg": 269, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427},
        **{"ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_open": 434, "pidfd_getfd": 438},
        **{"kill": 129, "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240},
        **{"pidfd_send_signal": 424, "setsid": 157, "setpgid": 154, "unshare": 97, "setns": 268, "mount": 40},
        **{"bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "add_key": 217, "request_key": 218, "keyctl": 219},
        **{"shmget": 194, "shmat": 196, "semget": 190, "msgget": 186, "mq_open": 180},
    },
}
_THREAD = os.CLONE_VM | os.CLONE_SIGHAND | os.CLONE_THREAD  # a thread has all of them, a process never all
_SPACES = (
    os.CLONE_NEWNS
    | os.CLONE_NEWCGROUP
    | os.CLONE_NEWUTS
    | os.CLONE_NEWIPC
    | os.CLONE_NEWUSER
    | os.CLONE_NEWPID
    | os.CLONE_NEWNET
)
# linux/landlock.h: the same numbers on every machine. Since each version: rights on files, on ports, on processes.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT, _LANDLOCK_VERSION, _LANDLOCK_BENEATH = 444, 445, 446, 1, 1
_READ = 0b1101  # execute, read a file, read a folder
_WRITE = 0b1_1011_1110 | 1 << 14  # write, read, remove, make a file or a folder, truncate: no link, socket or device
_OF_FILES = 0b111 | 1 << 14 | 1 << 15  # execute, write, read, truncate, ioctl: all that a file has
_LANDLOCK_RIGHTS = {
    1: (0x1FFF, 0, 0),
    2: (0x3FFF, 0, 0),
    3: (0x7FFF, 0, 0),
    4: (0x7FFF, 0b11, 0),
    5: (0xFFFF, 0b11, 0),
    6: (0xFFFF, 0b11, 0b11),
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
    return NO_NAMESPACE


def lower() -> str:
    """From root to nobody, where the process was started by root."""
    if os.geteuid() != 0:
        return "User: the worker's own."
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    return "User: nobody."


def seal() -> str:
    """From here on it reads and answers, nothing else; after every import, before any evidence."""
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)  # only after lower(), which would forget it
    most = max((int(name) for name in os.listdir("/proc/self/fd")), default=2) + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    paths = "Landlock closes every path." if _closed() else "This system has no Landlock."
    if not _filtered(platform.machine()):
        return f"System calls: not filtered on this system; open files and processor time are bounded. {paths}"
    return f"System calls: no file, socket, program or process can be opened or changed. {paths}"


def confine(*, read: list[str], write: list[str]) -> str:
    """For a program of others, which opens files of its own: only these, and what is below them; all else is closed.

    PermissionError where the kernel cannot do that: in a worker that is not root it would be the owner of the store.
    """
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))
    if not _closed(dict.fromkeys(read, _READ) | dict.fromkeys(write, _WRITE)):
        raise PermissionError("this system has no Landlock, so no program of others may read evidence")
    name = platform.machine()
    if name not in _MACHINES or not _installed(_all_but(name, _REFUSED[name])):
        raise PermissionError("system calls are not filtered here, so no program of others may read evidence")
    return (
        "Files: Landlock opens its own program for reading and an empty folder for writing, nothing else. "
        "System calls: no socket, and no other process."
    )


def _closed(opened: dict[str, int] | None = None) -> bool:
    """By Landlock: no right on any path but these, on any port or process outside; False where the kernel has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1 or libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    known = max(since for since in _LANDLOCK_RIGHTS if since <= version)
    rights = struct.pack("QQQ", *_LANDLOCK_RIGHTS[known])
    rules = libc.syscall(_LANDLOCK_CREATE, rights, ctypes.c_size_t(len(rights)), 0)
    if rules < 0:
        return False
    is_closed = all(
        _open(libc, rules, path, wanted & _LANDLOCK_RIGHTS[known][0]) for path, wanted in (opened or {}).items()
    )
    is_closed = is_closed and bool(libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    os.close(rules)
    return is_closed


def _open(libc: ctypes.CDLL, rules: int, path: str, wanted: int) -> bool:
    """What does not exist needs no right; what is no folder takes only those of a file."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
    beneath = struct.pack("=Qi", wanted if is_folder else wanted & _OF_FILES, place)
    is_open = bool(libc.syscall(_LANDLOCK_ADD, rules, _LANDLOCK_BENEATH, beneath, 0) == 0)
    os.close(place)
    return is_open


def _filtered(name: str) -> bool:
    """Install a seccomp filter that answers EPERM to all but these calls; False where there is none for the system."""
    if name not in _MACHINES:
        return False
    allowed = sorted(_CALLS[name].values())
    return _installed(
        [
            *_begun(name, _THREAD | _SPACES, _THREAD),
            *((_EQUAL, len(allowed) - at, 0, number) for at, number in enumerate(allowed)),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    )


def _all_but(name: str, calls: dict[str, int]) -> list[tuple[int, int, int, int]]:
    """A filter that answers EPERM to these calls, and to a process in a namespace of its own."""
    refused = sorted(calls.values())
    return [
        *_begun(name, _SPACES, 0),
        *((_EQUAL, len(refused) - at, 0, number) for at, number in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _begun(name: str, mask: int, wanted: int) -> list[tuple[int, int, int, int]]:
    """What every filter begins with: only this machine's own calls, and clone only with these of the masked flags."""
    return [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, _MACHINES[name]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 calls have other numbers
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _UNKNOWN),  # then the C library makes its thread with clone
        (_EQUAL, 0, 5, _CLONE[name]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_AND, 0, 0, mask),
        (_EQUAL, 0, 1, wanted),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _installed(lines: list[tuple[int, int, int, int]]) -> bool:
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("HL", len(lines), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)
