"""GRR's flows: asked for at once, carried out when the client calls, in a time that depends on the bytes."""

import hashlib
import json
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from secops.practice.products.grr_material import Material, MissingToolError
from secops.practice.products.world import Record, World, moment_of, replace, rfc3339

BYTES_PER_SECOND = 3 << 20
CALLS_AFTER = 1.0  # seconds until a client that is there calls
DAILY_FLOWS = 40  # API.DailyFlowRequestLimit as this installation sets it
MEMORY_DEVICES = ("\\\\.\\pmem", "/dev/pmem")  # where a memory driver is loaded
DISK_DEVICES = ("\\\\.\\PhysicalDrive0", "/dev/sda")


def client_number(device: Record) -> str:
    return f"C.{hashlib.sha256(device['id'].encode()).hexdigest()[:16]}"


class TooManyFlowsError(Exception):
    """The account has started as many flows on this client as one day allows."""


class ArgumentsError(Exception):
    """The flow does not take these arguments."""


class Flows:
    """All flows, oldest first; what a flow collected is found by its path in the client's virtual file system."""

    def __init__(self, world: World, is_online: Callable[[Record], bool]) -> None:
        self.world, self.material = world, Material(world)
        self.is_online = is_online
        self._path = world.folder / "grr.json"
        self._lock = threading.RLock()
        self._flows: list[Record] = json.loads(self._path.read_bytes()) if self._path.exists() else []

    def start(self, device: Record, flow: Record, creator: str) -> Record:
        """A flow that runs; ArgumentsError and TooManyFlowsError when nothing was started."""
        name, args = flow.get("name"), flow.get("args")
        if name not in PLANS or not isinstance(args, dict):
            raise ArgumentsError(f"Flow {name!r} is not known, or its arguments are not.")
        if name == "ReadLowLevel" and (not args.get("path") or _number(args.get("length")) < 1):
            raise ArgumentsError("path and length are required.")
        if name == "FileFinder" and not (isinstance(args.get("paths"), list) and args["paths"]):
            raise ArgumentsError("No paths to collect.")
        with self._lock:
            now = self.world.now()
            today = [x for x in self.of(device) if moment_of(x["created"]) > now - timedelta(days=1)]
            if len(today) >= DAILY_FLOWS:
                raise TooManyFlowsError(f"{len(today)} flows run since yesterday, limit: {DAILY_FLOWS}")
            started = {
                "id": uuid.uuid4().hex[:16].upper(),
                "device": device["id"],
                "name": name,
                "args": args,
                "runner_args": flow.get("runnerArgs") or {},
                "creator": creator,
                "created": rfc3339(now),
                "seen": rfc3339(now),
                "sent": 0,
                "state": "RUNNING",
                "status": "",
            }
            self._flows.append(started)
            self._save()
        self.world.record_effect("grr_flow", device["name"], str(name), flow_id=started["id"], args=args)
        return dict(started)

    def of(self, device: Record) -> list[Record]:
        """The device's flows as they stand now, newest first."""
        with self._lock:
            mine = [flow for flow in self._flows if flow["device"] == device["id"]]
            open_flows = [flow for flow in mine if flow["state"] == "RUNNING"]
            for flow in open_flows:
                self._go_on(device, flow)
            if open_flows:
                self._save()
            return [dict(flow) for flow in reversed(mine)]

    def find(self, device: Record, number: str) -> Record | None:
        return next((flow for flow in self.of(device) if flow["id"] == number), None)

    def cancel(self, device: Record, number: str) -> Record | None:
        """Ends it as an error, as GRR does; nothing happens to one that has ended."""
        with self._lock:
            self.of(device)
            flow = next((x for x in self._flows if x["id"] == number and x["device"] == device["id"]), None)
            if flow and flow["state"] == "RUNNING":
                flow |= {"state": "ERROR", "status": "Cancelled in GUI"}
                self._save()
            return dict(flow) if flow else None

    def collected(self, device: Record, flow: Record) -> list["Collected"]:
        """What a flow that succeeded brought, in the order of its results."""
        if flow["state"] != "TERMINATED":
            return []
        return PLANS[flow["name"]](self.material, device, flow["args"] | {"flow_id": flow["id"]})

    def at(self, device: Record, path: str, until: int = 0) -> "Collected | None":
        """The newest version of a file of the virtual file system; `until` in microseconds since 1970, 0: now."""
        for flow in self.of(device):
            if until and int(moment_in_micros(flow["seen"])) > until:
                continue
            for one in self.collected(device, flow):
                if one.vfs == path:
                    return one
        return None

    def _go_on(self, device: Record, flow: Record) -> None:
        """Let the time since the last look pass."""
        now, seen = self.world.now(), moment_of(flow["seen"])
        begins = moment_of(flow["created"]) + timedelta(seconds=CALLS_AFTER)
        flow["seen"] = rfc3339(now)
        if not self.is_online(device) or now <= begins:
            return
        passed = (now - max(seen, begins)).total_seconds()
        try:
            total = sum(one.size for one in PLANS[flow["name"]](self.material, device, flow["args"]))
        except (FileNotFoundError, MissingToolError) as error:
            flow |= {"state": "ERROR", "status": str(error)}
            return
        flow["sent"] = min(total, flow["sent"] + int(passed * BYTES_PER_SECOND))
        limit = int(flow["runner_args"].get("networkBytesLimit") or 0)
        if limit and flow["sent"] > limit:
            flow |= {"state": "ERROR", "status": "Network bytes limit exceeded."}
        elif flow["sent"] >= total:
            flow["state"] = "TERMINATED"

    def _save(self) -> None:
        replace(self._path, self._flows)


class Collected:
    """One file in the server's store: where it is in the client's virtual file system, and its bytes."""

    def __init__(self, vfs: str, source: Path | bytes, *, at: int = 0, length: int | None = None, spec: Record) -> None:
        self.vfs, self.spec, self._source, self._at = vfs, spec, source, at
        whole = source.stat().st_size if isinstance(source, Path) else len(source)
        self.size = max(0, min(length if length is not None else whole, whole - at))

    def read(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        if isinstance(self._source, bytes):
            return self._source[offset : offset + length]
        with self._source.open("rb") as file:
            file.seek(self._at + offset)
            return file.read(length)

    def sha256(self) -> bytes:
        digest = hashlib.sha256()
        for at in range(0, self.size, 1 << 20):
            digest.update(self.read(at, 1 << 20))
        return digest.digest()


def _low_level(material: Material, device: Record, args: Record) -> list[Collected]:
    """ReadLowLevel: `length` bytes of a device from `offset` on, or fewer where it ends before."""
    path, length = str(args.get("path") or ""), _number(args.get("length"))
    if path in MEMORY_DEVICES:
        source = material.memory(device)
    elif path in DISK_DEVICES:
        source = material.disk(device)
    else:
        raise FileNotFoundError(f"[Errno 2] No such file or directory: '{path}'")
    name = f"{client_number(device)}_{args.get('flow_id', '')}_{''.join(x for x in path if x.isalnum())}"
    return [Collected(f"temp/{name}", source, at=_number(args.get("offset")), length=length, spec={"path": name})]


def _file_finder(material: Material, device: Record, args: Record) -> list[Collected]:
    """FileFinder with the action DOWNLOAD: every file that a path names, by globs."""
    pathtype = str(args.get("pathtype") or "OS")
    globs = [_plain(str(one)) for one in args["paths"]]
    found = []
    for path, content in sorted(material.files(device).items()):
        if any(fnmatch(path.lower(), one) for one in globs):
            found.append(_found(path, content, pathtype))
    return found


def _found(path: str, content: bytes, pathtype: str) -> Collected:
    if pathtype == "NTFS":
        spec = {"pathtype": "OS", "path": "\\\\.\\C:", "nestedPath": {"pathtype": "NTFS", "path": path}}
        return Collected(f"fs/ntfs/\\\\.\\C:{path}", content, spec=spec)
    return Collected(f"fs/os/C:{path}", content, spec={"pathtype": "OS", "path": f"/C:{path}"})


def _plain(glob: str) -> str:
    path = glob.replace("\\", "/")
    drive, colon, rest = path.partition(":")
    return ((rest if colon and len(drive.strip("/")) == 1 else path).replace("**", "*")).lower().replace("[", "[[]")


def _number(value: Any) -> int:
    """64-bit numbers are strings in the protobuf JSON form."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        raise ArgumentsError(f"{value!r} is no number.") from None


PLANS: dict[str, Callable[[Material, Record, Record], list[Collected]]] = {
    "ReadLowLevel": _low_level,
    "FileFinder": _file_finder,
}


def moment_in_micros(text: str | datetime) -> str:
    """A moment as GRR writes it: microseconds since 1970, in a string."""
    moment = moment_of(text) if isinstance(text, str) else text
    return str(int(moment.timestamp() * 1_000_000))
