"""The process that holds a program of others: it gives up network, files, memory and time, and becomes that program.

It takes {command, may_read, folder, file, feed, seconds, memory, output} as JSON. With `feed` the program reads the
evidence from a pipe, as `{file}` in its command; without, it has the open descriptor of that number. It may read what
is named, and write into the folder; nobody may be asked anything outside.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

CHUNK = 2**20


def main() -> None:
    """Limits, then the network, then the user, then the paths; after that there is only the program."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from enrichment.forensics import lockdown

    asked: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    lockdown.limit(seconds=asked["seconds"], memory=asked["memory"], output=asked["output"])
    network = lockdown.cut_off()
    if network == lockdown.NO_NAMESPACE:
        raise PermissionError("this system permits no network namespace, so no program of others may read evidence")
    guards = [network, lockdown.lower()]
    file = asked["file"]
    if asked["feed"]:
        file, into = os.pipe()  # by the user that it is now, or its end could not be opened by name
    guards.append(lockdown.confine(read=asked["may_read"], write=[asked["folder"]]))
    Path(asked["folder"], "guards.json").write_text(json.dumps(guards))
    if asked["feed"]:
        _feed(asked["file"], file, into)
    os.set_inheritable(file, True)
    os.chdir(asked["folder"])
    command = [word.replace("{file}", f"/dev/fd/{file}") for word in asked["command"]]
    os.execve(command[0], command, {"LANG": "C.UTF-8", "HOME": asked["folder"], "TMPDIR": asked["folder"]})  # noqa: S606 - no shell


def _feed(source: int, out: int, into: int) -> None:
    """A process beside the program, which pushes the bytes through and ends with it."""
    if os.fork():
        os.close(into)
        return
    os.close(out)
    offset = 0
    while chunk := os.pread(source, CHUNK, offset):
        sent = memoryview(chunk)
        while sent:
            sent = sent[os.write(into, sent) :]
        offset += len(chunk)
    os._exit(0)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        main()
    except BaseException as error:  # noqa: BLE001 - the last words of a process that ends here
        sys.stderr.write(f"{type(error).__name__}: {error}"[:300])
        os._exit(3)
