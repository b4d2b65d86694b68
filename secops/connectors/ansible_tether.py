"""The process that becomes ssh: ends with the worker that started it, and fills no disk with what a host complains of.

Runs by itself (`python -I -S`), without the project: arguments are the worker's process id and the command.
"""

import ctypes
import os
import resource
import signal
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1
MOST_WRITTEN = 1 << 20  # bytes of one file; only the errors go to a file


def main() -> NoReturn:
    """Both bounds outlive the exec."""
    parent, *words = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(1)  # it died before this was asked for
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    os.execvp(words[0], words)  # noqa: S606


if __name__ == "__main__":
    main()
