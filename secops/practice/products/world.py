"""The folder of one practice range: its company, its tables, its credentials and what was done to it."""

import json
import os
import secrets
import threading
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def rfc3339(moment: datetime) -> str:
    """A moment as the vendors write it: UTC, seven digits of a second at most, Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """A moment from RFC 3339; without an offset it is UTC. ValueError when it is none."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class World:
    """What every product of the range knows; the company is read when first asked, and again when it changed."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "practice"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.credentials = _credentials(self.folder / "credentials.json")
        self._company: Record = {}
        self._read_at = 0

    def now(self) -> datetime:
        """The range's clock, UTC."""
        return datetime.now(UTC)

    @property
    def company(self) -> Record:
        """company.json; an empty company while nothing has been generated."""
        path = self.folder / "company.json"
        try:
            changed_at = path.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        with self.lock:
            if changed_at != self._read_at:
                self._company = json.loads(path.read_bytes())
                self._read_at = changed_at
            return self._company

    def records(self, kind: str) -> list[Record]:
        """The company's people, devices or leases."""
        found: list[Record] = self.company.get(kind, [])
        return found

    def known(self, *path: str) -> dict[str, Any]:
        """A part of company.json that is a table by value, such as known("intel", "ip")."""
        part: Any = self.company
        for key in path:
            part = part.get(key) or {}
        return dict(part)

    def find(self, kind: str, is_wanted: Callable[[Record], bool]) -> Record | None:
        """The first record that is wanted."""
        return next((record for record in self.records(kind) if is_wanted(record)), None)

    def person(self, key: str) -> Record | None:
        """A person by login, sign-in name or directory id."""
        wanted = key.lower()
        return self.find("people", lambda p: wanted in _lowered(p.get(k) for k in ("login", "upn", "id")))

    def device(self, key: str) -> Record | None:
        """A device by name, Defender id, directory id or device id."""
        wanted = key.lower()
        keys = ("name", "mde_id", "id", "azure_ad_device_id")
        return self.find("devices", lambda d: wanted in _lowered(d.get(k) for k in keys))

    def record_effect(self, method: str, device: str, comment: str, **more: Any) -> None:
        """One line in effects.ndjson for what really happened to the simulated company."""
        line = {"at": rfc3339(self.now()), "method": method, "device": device, "comment": comment, **more}
        with self.lock, (self.folder / "effects.ndjson").open("a", encoding="utf-8") as effects:
            effects.write(json.dumps(line, ensure_ascii=False) + "\n")


def replace(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    half = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    half.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    os.replace(half, path)


def _lowered(values: Iterable[Any]) -> set[str]:
    return {str(value).lower() for value in values if value}


def _credentials(path: Path) -> dict[str, str]:
    """Made once per range, so that a restart locks nobody out; what a later version plays too is added."""
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    made = {
        "tenant_id": str(uuid.uuid4()),
        "client_id": str(uuid.uuid4()),
        "client_secret": secrets.token_urlsafe(30),
        "token_key": secrets.token_hex(32),
        "virustotal_key": secrets.token_hex(32),
        "virustotal_premium_key": secrets.token_hex(32),
        "kea_user": "kea-reader",
        "kea_password": secrets.token_urlsafe(18),
        "grr_user": "nightdesk",
        "grr_password": secrets.token_urlsafe(18),
        "ise_user": "ers-nightdesk",
        "ise_password": secrets.token_urlsafe(18),
        "arkime_user": "nightdesk",
        "arkime_password": secrets.token_urlsafe(18),
        "cape_token": secrets.token_hex(20),
    }
    if made.keys() - kept.keys():  # a product has joined the range since
        replace(path, made | kept)
        path.chmod(0o600)
    return made | kept
