"""A tiny company of two people and four devices, and a real range that serves it over HTTP."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from secops.practice.server import PracticeRange

NOW = datetime.now(UTC).replace(microsecond=0)
SHA256 = "ab" * 32
IDS = {"LT-1": "1" * 40, "LT-2": "2" * 40, "SRV-1": "3" * 40, "TB-1": "4" * 40}


def ago(**span: float) -> str:
    """So long before the tests started, as the tables write it."""
    return (NOW - timedelta(**span)).isoformat().replace("+00:00", "Z")


def _person(login: str, name: str, **more: Any) -> dict[str, Any]:
    usual = {
        "login": login,
        "upn": f"{login}@tiny.example",
        "name": name,
        "title": "Clerk",
        "department": "Office",
        "site": "Lisbon",
        "manager": "",
        "is_privileged": False,
        "leave_date": "",
        "working_hours": "09:00-18:00",
        "time_zone": "Europe/Lisbon",
        "id": f"00000000-0000-4000-8000-{len(login):012d}",
        "sid": "S-1-5-21-1",
    }
    return usual | more


def _device(name: str, number: int, **more: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "id": f"10000000-0000-4000-8000-{number:012d}",
        "mde_id": IDS[name],
        "azure_ad_device_id": f"20000000-0000-4000-8000-{number:012d}",
        "mac": f"02:42:00:00:00:0{number}",
        "ip": f"10.9.0.{number}",
        "os": "Windows 11 23H2",
        "os_build": 22631,
        "kind": "laptop",
        "group": "Office",
        "site": "Lisbon",
        "owner": "b.ek",
        "health": "Active",
        "risk": "None",
        "firewall": True,
        "encryption": True,
        "last_seen": ago(minutes=1),
        "is_critical": False,
    }
    return usual | more


def company() -> dict[str, Any]:
    """What company.json holds."""
    seen = {"malicious": 9, "suspicious": 0, "harmless": 50, "undetected": 31}
    return {
        "anchor": ago(),
        "name": "Tiny",
        "domain": "tiny.example",
        "people": [
            _person("a.boss", "Ann Boss", is_privileged=True),
            _person("b.ek", "Bo Ek", manager="a.boss", leave_date=(NOW + timedelta(days=9)).date().isoformat()),
        ],
        "devices": [
            _device("LT-1", 1),
            _device("LT-2", 2, health="Inactive"),
            _device("SRV-1", 3, os="Windows Server 2022", is_critical=True, owner=""),
            _device("TB-1", 4, os="Android 14", kind="tablet", owner=""),
        ],
        "leases": [
            {
                "ip-address": "10.9.0.1",
                "hw-address": "02:42:00:00:00:01",
                "hostname": "lt-1.tiny.example",
                "cltt": int((NOW - timedelta(hours=1)).timestamp()),
                "valid-lft": 86_400,
                "subnet-id": 1,
                "state": 0,
            },
            {
                "ip-address": "10.9.0.77",
                "hw-address": "02:42:00:00:00:02",
                "hostname": "lt-2.tiny.example",
                "cltt": int((NOW - timedelta(days=3)).timestamp()),
                "valid-lft": 86_400,
                "subnet-id": 1,
                "state": 0,
            },
        ],
        "intel": {
            "ip": {"203.0.113.9": {"last_analysis_stats": seen, "communicating_files": [SHA256]}},
            "domain": {"bad.example": {"last_analysis_stats": seen}},
            "file": {
                SHA256: {
                    "md5": "cd" * 16,
                    "last_analysis_stats": seen,
                    "behaviours": [{"sandbox_name": "Kiln", "files_written": ["C:\\x"]}],
                }
            },
        },
        "rdap": {
            "ip": {"203.0.113.0/24": {"handle": "NET-1", "name": "HOSTING", "country": "NL"}},
            "domain": {"bad.example": {"events": [{"eventAction": "registration", "eventDate": ago(days=3)}]}},
        },
        "patches": {
            "LT-1": [
                {"kb": "KB5900001", "name": "One", "cve": "CVE-2026-1", "installed_at": None},
                {"kb": "KB5900002", "name": "Two", "cve": "CVE-2026-2", "installed_at": ago(days=2)},
            ]
        },
        "software": {
            "LT-1": [{"name": "Help Desk", "version": "1", "vendor": "Help"}, {"name": "Mail", "vendor": "Post"}],
            "LT-2": [{"name": "Mail", "vendor": "Post"}],
        },
    }


def table_rows() -> dict[str, list[dict[str, Any]]]:
    """A few rows for hunting: logons, and connections of which one lies outside the 30 days."""

    def connection(when: str, device: str, remote: str, port: int, program: str) -> dict[str, Any]:
        return {
            "Timestamp": when,
            "DeviceId": IDS[device],
            "DeviceName": f"{device.lower()}.tiny.example",
            "ActionType": "ConnectionSuccess",
            "RemoteIP": remote,
            "RemotePort": port,
            "InitiatingProcessFileName": program,
            "InitiatingProcessCommandLine": f'"C:\\Tools\\{program}" --sync-all',
        }

    def logon(when: str, account: str, kind: str) -> dict[str, Any]:
        return {
            "Timestamp": when,
            "DeviceId": IDS["LT-1"],
            "ActionType": "LogonSuccess",
            "AccountName": account,
            "AccountDomain": "tiny",
            "LogonType": kind,
        }

    return {
        "DeviceNetworkEvents": [
            connection(ago(days=40), "LT-1", "203.0.113.9", 443, "old.exe"),
            connection(ago(hours=3), "LT-1", "203.0.113.9", 443, "Updater.exe"),
            connection(ago(hours=2), "LT-1", "203.0.113.9", 443, "updater.exe"),
            connection(ago(hours=1), "LT-2", "198.51.100.4", 80, "browser.exe"),
            {"Timestamp": ago(minutes=30), "DeviceId": IDS["LT-2"], "ActionType": "ListeningConnectionCreated"},
        ],
        "DeviceLogonEvents": [
            logon(ago(days=2), "b.ek", "Interactive"),
            logon(ago(hours=5), "b.ek", "Network"),
            logon(ago(hours=4), "a.boss", "Network"),
        ],
    }


def write_company(data: Path) -> None:
    """company.json and the tables below DATA/practice."""
    tables = data / "practice" / "tables"
    tables.mkdir(parents=True)
    (data / "practice" / "company.json").write_text(json.dumps(company()))
    for name, rows in table_rows().items():
        (tables / f"{name}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))


@dataclass
class Client:
    """A caller that knows the credentials of one range."""

    base: str
    folder: Path
    smtp_port: int
    credentials: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.credentials = json.loads((self.folder / "credentials.json").read_text())

    def token(self, resource: str, **form: str) -> requests.Response:
        usual = {
            "grant_type": "client_credentials",
            "client_id": self.credentials["client_id"],
            "client_secret": self.credentials["client_secret"],
            "scope": f"{resource}/.default",
        }
        tenant = self.credentials["tenant_id"]
        return requests.post(f"{self.base}/login/{tenant}/oauth2/v2.0/token", data=usual | form, timeout=10)

    def bearer(self, product: str) -> dict[str, str]:
        resource = {"graph": "https://graph.microsoft.com", "defender": "https://api.securitycenter.microsoft.com"}
        return {"Authorization": f"Bearer {self.token(resource[product]).json()['access_token']}"}

    def graph(self, path: str) -> requests.Response:
        return requests.get(f"{self.base}/graph/v1.0/{path}", headers=self.bearer("graph"), timeout=10)

    def hunt(self, query: str, **more: Any) -> requests.Response:
        url = f"{self.base}/graph/v1.0/security/runHuntingQuery"
        return requests.post(url, headers=self.bearer("graph"), json={"Query": query, **more}, timeout=10)

    def defender(self, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        """GET, or POST when there is a body."""
        url, headers = f"{self.base}/defender/api/{path}", self.bearer("defender")
        if body is None:
            return requests.get(url, headers=headers, timeout=10)
        return requests.post(url, headers=headers, json=body, timeout=10)

    def vt(self, path: str) -> requests.Response:
        headers = {"x-apikey": self.credentials["virustotal_key"]}
        return requests.get(f"{self.base}/vt/api/v3/{path}", headers=headers, timeout=10)

    def kea(self, command: str, **arguments: Any) -> Any:
        body = {"command": command, "service": ["dhcp4"], "arguments": arguments}
        auth = (self.credentials["kea_user"], self.credentials["kea_password"])
        return requests.post(f"{self.base}/kea/", json=body, auth=auth, timeout=10).json()

    def fault(self, **fault: Any) -> None:
        assert requests.post(f"{self.base}/control/faults", json=fault, timeout=10).status_code == 201

    def effects(self) -> list[dict[str, Any]]:
        path = self.folder / "effects.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def start_range(tmp_path: Path) -> Iterator[Callable[[], Client]]:
    """Starts a range on this test's folder; a second call starts it again after a stop."""
    write_company(tmp_path)
    running: list[PracticeRange] = []

    def start() -> Client:
        while running:
            running.pop().stop()
        running.append(PracticeRange(tmp_path))
        running[0].start()
        return Client(f"http://127.0.0.1:{running[0].port}", tmp_path / "practice", running[0].smtp_port)

    yield start
    while running:
        running.pop().stop()


@pytest.fixture
def practice(start_range: Callable[[], Client]) -> Client:
    """A range of its own for this test."""
    return start_range()


@pytest.fixture(scope="module")
def shared_practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One range for all tests of a module that only read."""
    data = tmp_path_factory.mktemp("range")
    write_company(data)
    running = PracticeRange(data)
    running.start()
    yield Client(f"http://127.0.0.1:{running.port}", data / "practice", running.smtp_port)
    running.stop()
