"""What is asked of GRR: which flow, with which arguments, and how our key rides in them.

GRR has no field for a key of ours, but gives back a flow's arguments. So the key is in what changes nothing: a path
that no device has among those that are looked for, or some bytes more than a memory or disk can hold (a read past the
end brings what there is). The same key makes the same arguments, and a flow that has them is ours.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from secops.connectors.capabilities.acquisition import DISK, FILE, MEMORY
from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.grr_api import Row, number, part, rows

LARGEST_FILE = 2 << 30  # bytes; a file larger than that is left out of a triage package
LARGEST_DISK = 16 << 40  # bytes, where GRR knows no volume of the device
HOLES = 8 << 30  # bytes by which physical addresses go beyond the memory that is there
PATTERN = "*?[]{}%"  # what a path of GRR may say beside names
TYPE = "type.googleapis.com/grr."
WINDOWS_TRIAGE = (
    "C:\\$MFT",
    "C:\\Windows\\System32\\winevt\\Logs\\*",
    *(f"C:\\Windows\\System32\\config\\{hive}" for hive in ("SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DEFAULT")),
    "C:\\Windows\\AppCompat\\Programs\\Amcache.hve",
    "C:\\Windows\\System32\\sru\\SRUDB.dat",
    "C:\\Windows\\Prefetch\\*",
    "C:\\Windows\\System32\\Tasks\\**",
    "C:\\Windows\\System32\\drivers\\etc\\hosts",
    "C:\\Users\\*\\NTUSER.DAT",
    "C:\\Users\\*\\AppData\\Local\\Microsoft\\Windows\\UsrClass.dat",
    "C:\\Users\\*\\AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine\\*",
    "C:\\Users\\*\\AppData\\Local\\Google\\Chrome\\User Data\\*\\History",
    "C:\\Users\\*\\AppData\\Local\\Microsoft\\Edge\\User Data\\*\\History",
    "C:\\Users\\*\\AppData\\Roaming\\Mozilla\\Firefox\\Profiles\\*\\places.sqlite",
)
LINUX_TRIAGE = (
    *("/var/log/**", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/crontab", "/etc/cron.*/*", "/var/spool/cron/**"),
    *("/etc/systemd/system/**", "/etc/ld.so.preload", "/etc/ssh/sshd_config", "/etc/sudoers", "/etc/sudoers.d/*"),
    *("/root/.*_history", "/home/*/.*_history", "/root/.ssh/*", "/home/*/.ssh/*", "/root/.*rc", "/home/*/.*rc"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One flow as it is asked for."""

    name: str
    args: Row
    most_bytes: int  # that it may send; GRR ends it beyond

    def body(self) -> Row:
        runner = {"networkBytesLimit": str(self.most_bytes), "notifyToUser": False}
        return {"flow": {"name": self.name, "args": self.args, "runnerArgs": runner}}

    def is_same(self, flow: Row) -> bool:
        """Is this flow of GRR's the one that is wanted?"""
        given = part(flow, "args")
        return flow.get("name") == self.name and all(
            given.get(name) == self.args.get(name) for name in ("path", "length", "paths")
        )


def wanted(client: Row, what: str, key: str, *, path: str, device: str) -> Wanted:
    """`path` is the file's, `device` what holds the memory or the disk on this client."""
    if what in {MEMORY, DISK}:
        return _read(client, what, key, device)
    if what == FILE and (not path or any(one in path for one in PATTERN)):
        raise SourceRefused("GRR would read this path as a pattern for many files, so it was not asked.")
    is_windows = system_of(client) == "Windows"
    paths = [path] if what == FILE else list(WINDOWS_TRIAGE if is_windows else LINUX_TRIAGE)
    mark = sha256(key.encode()).hexdigest()[:16]
    args: dict[str, Any] = {
        "@type": f"{TYPE}FileFinderArgs",
        "paths": [*paths, f"C:\\nightdesk\\{mark}" if is_windows else f"/nightdesk/{mark}"],
        "pathtype": "NTFS" if is_windows else "OS",  # past the locks of a running Windows, and without touching times
        "action": {"actionType": "DOWNLOAD", "download": {"maxSize": str(LARGEST_FILE)}},
    }
    return Wanted(name="FileFinder", args=args, most_bytes=64 << 30)


def size_of(client: Row, what: str) -> int | None:
    """Bytes of the memory or of all volumes, as GRR knows them; None when it does not."""
    if what == MEMORY:
        return number(client, "memorySize") or None
    sizes = [
        number(one, "totalAllocationUnits")
        * (number(one, "sectorsPerAllocationUnit") or 1)
        * number(one, "bytesPerSector")
        for one in rows(client.get("volumes"))
    ]
    return sum(sizes) or None


def system_of(client: Row) -> str:
    return str(part(client, "osInfo").get("system") or "")


def _read(client: Row, what: str, key: str, device: str) -> Wanted:
    """Raw bytes, which writes nothing to the device's disk."""
    size = size_of(client, what)
    room = LARGEST_DISK if size is None else 2 * size + HOLES
    length = room + int(sha256(key.encode()).hexdigest()[:5], 16)
    args = {"@type": f"{TYPE}ReadLowLevelArgs", "path": device, "length": str(length)}
    return Wanted(name="ReadLowLevel", args=args, most_bytes=length * 2)
