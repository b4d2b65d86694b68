"""All packets of a host, by tcpdump, in segments that rotate until somebody stops it."""

import contextlib
import os
import re
import signal
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

from secops.connectors.collector.jobs import Job, Refused, Row, known, sha256_of, write

MOST = 500_000_000  # bytes of segments; those that were fetched make room for new ones
EMPTY = 24  # bytes: a pcap header without a packet
VERSION = ["tcpdump", "--version"]
NAME = "%Y%m%dT%H%M%SZ"
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LC_ALL": "C"}


def check(asked: Row) -> Row:
    try:
        said = subprocess.run(VERSION, capture_output=True, text=True, timeout=10, check=False, env=ENV)  # noqa: S603
    except OSError as error:
        raise Refused("tcpdump is not installed on the host") from error
    found = re.search(r"tcpdump version (\S+)", said.stdout + said.stderr)
    peer, _, _, port = os.environ.get("SSH_CONNECTION", "- - - 0").split()
    return {"version": found.group(1) if found else "", "peer": peer, "port": int(port)}


def capture(job: Job) -> None:
    """Of all interfaces and unfiltered, but for our own connection: fetching a segment would fill the next one."""
    asked = job.asked
    job.note(state="starting", tool_version=asked["version"])
    own = f"not (host {asked['peer']} and tcp port {asked['port']})"
    options = ["-i", "any", "-y", "LINUX_SLL", "-n", "-U", "--immediate-mode", "-B", "16384", "-Z", "root"]
    command = ["tcpdump", *options, "-G", str(int(asked["rotate"])), "-w", f"{NAME}.pcap", own]
    with (job.folder / "tcpdump.txt").open("wb") as said:
        running = subprocess.Popen(command, cwd=job.parts, env=ENV, stdin=subprocess.DEVNULL, stdout=said, stderr=said)  # noqa: S603
        while running.poll() is None and not job.is_stopped():
            job.note(state="running" if any(job.parts.glob("*.pcap")) else "starting")
            if not _has_room(job):
                break
            time.sleep(0.2)
        running.send_signal(signal.SIGINT)  # then it writes down what it holds
        running.wait(10)
    lines = (job.folder / "tcpdump.txt").read_text(errors="replace").splitlines()
    end = "stopped" if job.is_stopped() else "failed"
    job.note(state=end, ended_at=time.time(), text="; ".join(lines[-3:])[:300])


def segments(job: Job, is_live: bool) -> list[Row]:
    """The finished ones, oldest first; while it runs, the newest is still written to."""
    paths = sorted(job.parts.glob("*.pcap"))
    ends = [_time(one) for one in paths[1:]] + [known(job.folder / "state.json").get("ended_at", time.time())]
    found = []
    for path, ended in list(zip(paths, ends))[: -1 if is_live else None]:  # noqa: B905 - strict= came with 3.10
        size = path.stat().st_size
        if size > EMPTY:
            found.append(
                {"name": path.name, "size": size, "sha256": _hash(path), "started_at": _time(path), "ended_at": ended}
            )
    return found


def _hash(path: Path) -> str:
    kept = path.with_suffix(".sha256")
    row = known(kept)
    if row.get("size") != path.stat().st_size:
        row = {"size": path.stat().st_size, "sha256": sha256_of(path)}
        write(kept, row)
    return str(row["sha256"])


def _time(path: Path) -> float:
    return datetime.strptime(path.stem, NAME).replace(tzinfo=timezone.utc).timestamp()  # noqa: UP017 - 3.9


def _has_room(job: Job) -> bool:
    """Remove the oldest fetched segments when there is too much; False when that is not enough."""
    paths = sorted(job.parts.glob("*.pcap"))
    total = sum(one.stat().st_size for one in paths)
    for path in paths[:-1]:
        if total > MOST and path.with_suffix(".fetched").exists():
            total -= path.stat().st_size
            with contextlib.suppress(OSError):
                path.unlink()
    return total <= MOST
