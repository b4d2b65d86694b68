"""What the devices say on the wire: as the tables have it, and from there on as in their last recorded hour."""

import math
from collections import defaultdict
from threading import Lock

from secops.practice.kql.table_files import Tables
from secops.practice.products.isolation import MachineActions
from secops.practice.products.packets import Talk
from secops.practice.products.world import Record, World, moment_of

TABLE = "DeviceNetworkEvents"
HOUR = 3600.0
# Where a program that calls a bad address also tries its luck once the logs have ended: nobody has seen it before.
FALLBACK, FALLBACK_NAME = "203.0.113.198", "cdn-mirror.example"
FALLBACK_FIRST, FALLBACK_EVERY = 45.0, 180.0  # seconds


class Traffic:
    """Deterministic: the same window always holds the same packets, however often and by whomever it is asked for."""

    def __init__(self, world: World, tables: Tables, actions: MachineActions) -> None:
        self.world = world
        self._tables, self._actions = tables, actions
        self._lock = Lock()
        self._read_at = ""
        self._rows: dict[str, list[Talk]] = {}

    def talks(self, device: Record, start: float, end: float) -> list[Talk]:
        """The device's exchanges that begin within [start, end), epoch seconds; never any of the future."""
        end = min(end, self.world.now().timestamp())
        cut_off = self._cut_off(device["mde_id"])
        found = self._recorded(device, start, end) + self._going_on(device, start, end)
        return [one for one in found if not any(begin <= one.at < until for begin, until in cut_off)]

    def _recorded(self, device: Record, start: float, end: float) -> list[Talk]:
        return [one for one in self._of(device) if start <= one.at < end]

    def _going_on(self, device: Record, start: float, end: float) -> list[Talk]:
        """The last hour before the anchor over and over, and the fallback of a program that calls a bad address."""
        anchor = self._anchor()
        last = [one for one in self._of(device) if anchor - HOUR <= one.at < anchor]
        found = []
        for turn in range(max(1, math.floor((start - anchor) / HOUR)), math.ceil((end - anchor) / HOUR) + 1):
            found += [_later(one, one.at + turn * HOUR) for one in last if start <= one.at + turn * HOUR < end]
        bad = next((one for one in last if self._is_bad(one.peer)), None)
        if bad is not None:
            begin = math.ceil((max(start, anchor + FALLBACK_FIRST) - anchor - FALLBACK_FIRST) / FALLBACK_EVERY)
            at = anchor + FALLBACK_FIRST + begin * FALLBACK_EVERY
            while at < end:
                found.append(_later(bad, at, peer=FALLBACK, name=FALLBACK_NAME))
                at += FALLBACK_EVERY
        return found

    def _is_bad(self, address: str) -> bool:
        known = self.world.known("intel", "ip").get(address) or {}
        return int((known.get("last_analysis_stats") or {}).get("malicious", 0)) > 0

    def _anchor(self) -> float:
        said = self.world.company.get("anchor")
        return moment_of(said).timestamp() if said else 0.0

    def _of(self, device: Record) -> list[Talk]:
        """The device's rows of the table, read once per company."""
        with self._lock:
            if self._read_at != self.world.company.get("anchor"):
                self._rows = self._read()
                self._read_at = self.world.company.get("anchor", "")
            return self._rows.get(device["mde_id"], [])

    def _read(self) -> dict[str, list[Talk]]:
        found: dict[str, list[Talk]] = defaultdict(list)
        if not self._tables.has(TABLE):
            return found
        devices = {one["mde_id"]: one for one in self.world.records("devices")}
        for row in self._tables.rows(TABLE):
            device = devices.get(row.get("DeviceId", ""))
            if device and row.get("RemoteIP") and row.get("ActionType") == "ConnectionSuccess":
                found[device["mde_id"]].append(_talk(device, row))
        return found

    def _cut_off(self, machine_id: str) -> list[tuple[float, float]]:
        """When the EDR held the device: (from, until) in epoch seconds."""
        spans: list[tuple[float, float]] = []
        begin = None
        for action in self._actions.all():
            if action["machineId"] != machine_id or action["status"] != "Succeeded":
                continue
            at = moment_of(action["lastUpdateDateTimeUtc"]).timestamp()
            if action["type"] == "Isolate":
                begin = at if begin is None else begin
            elif begin is not None:
                spans.append((begin, at))
                begin = None
        return spans if begin is None else [*spans, (begin, math.inf)]


def _talk(device: Record, row: Record) -> Talk:
    return Talk(
        at=moment_of(row["Timestamp"]).timestamp(),
        mac=device["mac"],
        address=str(row.get("LocalIP") or device["ip"]),
        port=int(row.get("LocalPort") or 50_000),
        peer=row["RemoteIP"],
        peer_port=int(row.get("RemotePort") or 443),
        is_udp=str(row.get("Protocol", "")).lower() == "udp",
        name=str(row.get("RemoteUrl") or ""),
    )


def _later(talk: Talk, at: float, *, peer: str = "", name: str = "") -> Talk:
    return Talk(
        at=at,
        mac=talk.mac,
        address=talk.address,
        port=49_152 + (talk.port + int(at)) % 16_000,
        peer=peer or talk.peer,
        peer_port=talk.peer_port,
        is_udp=talk.is_udp,
        name=name or talk.name,
    )
