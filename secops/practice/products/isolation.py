"""Machine actions: isolating and releasing as a state machine that survives a restart."""

import json
import threading
import uuid
from datetime import datetime, timedelta

from secops.practice.products.world import Record, World, moment_of, replace, rfc3339

SETTLES_AFTER = timedelta(seconds=2)  # from the request (or the device's return) to the device's obedience
OFFLINE = ("inactive", "offline", "nosensordata")
OPEN = ("Pending", "InProgress")


class ActiveRequestError(Exception):
    """Another action of this device has not ended; Defender does not queue a second one."""


class NotActiveError(Exception):
    """An action that has ended cannot be cancelled."""


class MachineActions:
    """All actions, newest last; a Pending one succeeds by itself when its device is reachable long enough."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._path = world.folder / "state.json"
        self._lock = threading.RLock()
        kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        self._actions: list[Record] = kept.get("actions", [])
        self._online: dict[str, str] = kept.get("online", {})  # machine id -> since when, "" when offline

    def start(self, device: Record, kind: str, *, scope: str, comment: str, requestor: str) -> Record:
        """Ask for an action; `ActiveRequestError` while another is open. Asked again later, it runs again."""
        with self._lock:
            mine = [x for x in self.all() if x["machineId"] == device["mde_id"]]
            if any(action["status"] in OPEN for action in mine):
                raise ActiveRequestError
            now = rfc3339(self.world.now())
            action = _new(device, kind, now) | {
                "scope": scope,
                "requestorComment": comment,
                "requestor": requestor,
                "computerDnsName": f"{device['name'].lower()}.{self.world.company.get('domain', '')}",
            }
            self._actions.append(action)
            self._save()
        self.world.record_effect(
            kind.lower(), device["name"], comment, machine_id=device["mde_id"], action_id=action["id"]
        )
        return dict(action)

    def all(self) -> list[Record]:
        """Every action as it stands now."""
        with self._lock:
            now, has_changed = self.world.now(), False
            for action in self._actions:
                if action["status"] in OPEN and self._is_done(action, now):
                    action |= {"status": "Succeeded", "lastUpdateDateTimeUtc": rfc3339(now)}
                    has_changed = True
            if has_changed:
                self._save()
            return [dict(action) for action in self._actions]

    def find(self, number: str) -> Record | None:
        """One action by its id."""
        return next((action for action in self.all() if action["id"] == number.lower()), None)

    def cancel(self, number: str, *, comment: str, requestor: str) -> Record:
        """Take an open action back; `NotActiveError` when it has ended, `KeyError` when there is none."""
        with self._lock:
            if self.find(number) is None:
                raise KeyError(number)
            action = next(x for x in self._actions if x["id"] == number.lower())
            if action["status"] not in OPEN:
                raise NotActiveError
            now = rfc3339(self.world.now())
            action |= {
                "status": "Cancelled",
                "cancellationComment": comment,
                "cancellationRequestor": requestor,
                "cancellationDateTimeUtc": now,
                "lastUpdateDateTimeUtc": now,
            }
            self._save()
        self.world.record_effect(
            "cancel", action["computerDnsName"].partition(".")[0].upper(), comment, action_id=action["id"]
        )
        return dict(action)

    def is_isolated(self, machine_id: str) -> bool:
        """What the last action that succeeded left behind."""
        done = [x for x in self.all() if x["machineId"] == machine_id and x["status"] == "Succeeded"]
        return bool(done) and done[-1]["type"] == "Isolate"

    def set_online(self, device: Record, is_online: bool) -> None:
        """Plug a device in or out; what is pending happens once it is back."""
        with self._lock:
            self._online[device["mde_id"]] = rfc3339(self.world.now()) if is_online else ""
            self._save()

    def is_online(self, device: Record) -> bool:
        """Whether the device answers its management now."""
        set_by_hand = self._online.get(device["mde_id"])
        if set_by_hand is not None:
            return bool(set_by_hand)
        return str(device.get("health", "Active")).lower() not in OFFLINE

    def _is_done(self, action: Record, now: datetime) -> bool:
        device = self.world.device(action["machineId"])
        if device is None or not self.is_online(device):
            return False
        back_at = self._online.get(action["machineId"]) or action["creationDateTimeUtc"]
        reachable_at = max(moment_of(back_at), moment_of(action["creationDateTimeUtc"]))
        return now >= reachable_at + SETTLES_AFTER

    def _save(self) -> None:
        replace(self._path, {"actions": self._actions, "online": self._online})


def _new(device: Record, kind: str, now: str) -> Record:
    return {
        "id": str(uuid.uuid4()),
        "type": kind,
        "title": None,
        "status": "Pending",
        "machineId": device["mde_id"],
        "creationDateTimeUtc": now,
        "lastUpdateDateTimeUtc": now,
        "cancellationRequestor": None,
        "cancellationComment": None,
        "cancellationDateTimeUtc": None,
        "errorHResult": 0,
        "externalId": None,
        "requestSource": "PublicApi",
        "relatedFileInfo": None,
        "commands": [],
        "troubleshootInfo": None,
    }
