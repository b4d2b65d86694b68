"""The verbs: start, state, stop, forget and read a job; test the ways out; find a file.

Arguments: the verb, and a JSON object in base64. The answer is one JSON line; that of `read` is bytes.
"""

import base64
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from secops.connectors.collector import material, packets, paths, search
from secops.connectors.collector.jobs import LIVE, Job, Refused, Row, opened, start

KINDS: dict[str, tuple[Callable[[Row], Row], Callable[[Job], None]]] = {
    "triage": (lambda asked: {}, material.triage),
    "disk": (material.check_disk, material.disk),
    "file": (material.check_file, material.one_file),
    "memory": (material.check_memory, material.memory),
    "capture": (packets.check, packets.capture),
}


def main(verb: str, asked: Row) -> None:
    """Do it and answer; a refusal is an answer, too."""
    try:
        if verb == "read":
            _read(asked)
            return
        told = VERBS[verb](asked)
    except Refused as error:
        told = {"refused": str(error)}
    print(json.dumps({**told, "now": time.time()}))


def _start(asked: Row) -> Row:
    return start(Path(asked["work"]), asked, *KINDS[asked["kind"]])


def _state(asked: Row) -> Row:
    job = opened(Path(asked["work"]), asked)
    told = job.state()
    if job.asked["kind"] == "capture":
        told["parts"] = packets.segments(job, told["state"] in LIVE)
    return told


def _stop(asked: Row) -> Row:
    opened(Path(asked["work"]), asked).stop()
    return _state(asked)


def _forget(asked: Row) -> Row:
    with contextlib.suppress(Refused):
        opened(Path(asked["work"]), asked).forget()
    return {}


def _read(asked: Row) -> None:
    """The bytes of a part from an offset on, at most so many a second, until nobody reads any more."""
    job = opened(Path(asked["work"]), asked)
    name = Path(asked["part"]).name
    device = job.asked.get("device", "")
    path = Path(device) if device else job.parts / name
    began, sent = time.monotonic(), 0
    with path.open("rb", buffering=0) as source:
        size = source.seek(0, os.SEEK_END)
        for block, _ in material.blocks(source, asked["offset"], size):
            sys.stdout.buffer.write(block)
            sent += len(block)
            if asked.get("rate"):
                time.sleep(max(0.0, sent / asked["rate"] - (time.monotonic() - began)))
    sys.stdout.buffer.flush()
    if path.suffix == ".pcap":
        path.with_suffix(".fetched").touch()


VERBS: dict[str, Callable[[Row], Row]] = {
    "start": _start,
    "state": _state,
    "stop": _stop,
    "forget": _forget,
    "paths": lambda asked: paths.paths(asked["table"]),
    "find": search.find,
}


def run() -> None:
    main(sys.argv[1], json.loads(base64.b64decode(sys.argv[2])))
