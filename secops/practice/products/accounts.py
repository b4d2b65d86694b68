"""Whether accounts are enabled and since when their sessions count, as Entra keeps it; survives a restart."""

import json
import threading

from secops.practice.products.world import Record, World, replace, rfc3339


class Accounts:
    """By the person's directory id; who was never touched is enabled."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._path = world.folder / "accounts.json"
        self._lock = threading.Lock()
        self._kept: dict[str, Record] = (
            json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        )

    def state(self, person: Record) -> Record:
        """What the user resource says of it."""
        with self._lock:
            kept = self._kept.get(person["id"], {})
            return {
                "accountEnabled": kept.get("accountEnabled", True),
                "signInSessionsValidFromDateTime": kept.get("signInSessionsValidFromDateTime"),
            }

    def enable(self, person: Record, is_enabled: bool) -> None:
        self._set(person, accountEnabled=is_enabled)
        self.world.record_effect("enable_account" if is_enabled else "disable_account", "", "", account=person["upn"])

    def revoke(self, person: Record) -> None:
        self._set(person, signInSessionsValidFromDateTime=rfc3339(self.world.now()))
        self.world.record_effect("revoke_sessions", "", "", account=person["upn"])

    def _set(self, person: Record, **fields: object) -> None:
        with self._lock:
            self._kept[person["id"]] = self._kept.get(person["id"], {}) | fields
            replace(self._path, self._kept)
