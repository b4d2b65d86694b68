"""The process that lets ansible-runner play one playbook: knows no database, and leaves nobody behind.

Reads {folder, playbook, seconds} from its input and writes one JSON line per event to its output. Ansible starts
its workers in sessions of their own, out of reach of a process group: so this process adopts whoever is orphaned
below it (PR_SET_CHILD_SUBREAPER), and ends them all before it ends.
"""

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NOT_INSTALLED = 3
LONGEST_TEXT = 4_000_000  # characters of a host's answer that are handed on
WORDS = {"runner_on_ok": "ok", "runner_on_failed": "failed", "runner_on_unreachable": "unreachable"}


def main() -> int:
    """Bounds first: the parent's death, the deadline and a SIGTERM end everybody below."""
    asked = json.loads(sys.stdin.buffer.read())
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _end)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.setitimer(signal.ITIMER_REAL, asked["seconds"])
    try:
        from ansible_runner import interface
    except ImportError:
        return NOT_INSTALLED
    folder = asked["folder"]
    interface.run(
        private_data_dir=folder,
        playbook=asked["playbook"],
        inventory=f"{folder}/inventory/hosts.json",
        quiet=True,
        event_handler=_tell,
        settings={"suppress_output_file": True, "pexpect_timeout": 0.1, "pexpect_use_poll": True},
    )
    end_all_below(os.getpid())
    return 0


def _tell(event: dict[str, Any]) -> bool:
    """Pass on what happened, as short as it can be said; False: no event is written to a file."""
    data = event.get("event_data") or {}
    task = str(data.get("task") or "")
    if event["event"] == "playbook_on_task_start":
        _say({"event": "task", "task": task})
    elif event["event"] in WORDS and not data.get("ignore_errors"):
        result = data.get("res") or {}
        stdout = result.get("stdout")
        _say(
            {
                "event": WORDS[event["event"]],
                "task": task,
                "host": str(data.get("host") or ""),
                "stdout": stdout[:LONGEST_TEXT] if isinstance(stdout, str) else "",
                "said": f"{result.get('msg', '')} {result.get('stderr', '')}"[:2_000],
            }
        )
    return False


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _end(number: int, frame: Any) -> NoReturn:
    end_all_below(os.getpid())
    os._exit(128 + number)


def end_all_below(pid: int) -> None:
    """SIGKILL to all descendants, until there is none: who is orphaned meanwhile becomes a child of the subreaper."""
    for _ in range(100):
        found = descendants(pid)
        if not found:
            return
        for one in found:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.getpid() == pid and os.waitpid(-1, os.WNOHANG)[0]:
                pass


def descendants(pid: int) -> list[int]:
    """All processes below this one that have not ended, by the kernel's own list."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for word in path.read_text().split():
                found += [int(word)] if _is_alive(int(word)) else []
                found += descendants(int(word))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
