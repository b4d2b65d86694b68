"""The real clients of TheHive, unmodified and each in an environment of its own, against a server of ours."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cases.models import Alert, CustodyEntry, Evidence
from secops.models import ApiToken
from tests.owner import unprotected

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CLIENTS = Path(__file__).parent / "clients"
SECONDS = 300  # the packages may have to be fetched first


class Clients:
    """Runs a script with a client against the server, with the token of a sender."""

    def __init__(self, url: str, file: Path) -> None:
        sources = ["edr", "wazuh", "elastalert"]
        self.arguments = (f"{url}/thehive", ApiToken.issue("siem", sources=sources)[1], str(file))

    def run(self, script: str, *packages: str) -> None:
        self.uv(packages, "-c", "", skips=True)
        self.uv(packages, str(CLIENTS / script), *self.arguments, skips=False)

    @staticmethod
    def uv(packages: tuple[str, ...], *command: str, skips: bool) -> None:
        uv = shutil.which("uv") or pytest.skip("uv is not here to install the clients")
        wanted = [word for package in packages for word in ("--with", package)]
        call = [uv, "run", "--no-project", "--quiet", "--python", sys.executable, *wanted, "python", *command]
        done = subprocess.run(call, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=CLIENTS)
        if done.returncode and skips:
            pytest.skip(f"{', '.join(packages)} cannot be installed here: {done.stderr.strip()[-200:]}")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def clients(live_server: Any, tmp_path: Path, settings: Any) -> Iterator[Clients]:
    """Afterwards the tables are emptied, which the chain of custody refuses on SQLite."""
    settings.DATA_DIR = tmp_path / "data"
    file = tmp_path / "sample.exe"
    file.write_bytes(b"MZ of ours")
    yield Clients(live_server.url, file)
    with unprotected():
        CustodyEntry.objects.all()._raw_delete("default")


def test_thehive4py_1_8(clients: Clients) -> None:
    clients.run("thehive4py_1.py", "thehive4py==1.8.2")

    wazuh = Alert.objects.get(source="wazuh")
    assert (wazuh.detector, wazuh.rule_id, wazuh.status) == ("thehive-v0", "5712", "Imported")
    assert wazuh.device is not None
    assert wazuh.device.name == "WEB-1"
    assert Alert.objects.get(source="edr").sightings.filter(observable__kind="hash_sha256").exists()


def test_thehive4py_2_1(clients: Clients) -> None:
    clients.run("thehive4py_2.py", "thehive4py==2.1.0")

    alert = Alert.objects.get(source_ref="ref-1/external")
    assert (alert.detector, alert.severity, alert.status) == ("thehive", 3, "Imported")
    assert Alert.objects.count() == 2
    assert Evidence.objects.count() == 2  # the file of either alert


def test_elastalert_2(clients: Clients) -> None:
    clients.run("elastalert_hive.py", "elastalert2==2.19.0", "pytz==2025.2")

    first, second = Alert.objects.order_by("pk")
    assert (first.detector, first.source, first.title) == ("thehive-v0", "elastalert", "ssh brute force")
    assert first.description == "seen on web-1"
    seen = [set(one.sightings.values_list("observable__value", flat=True)) for one in (first, second)]
    assert seen == [{"203.0.113.9", "evil.example"}, {"203.0.113.10", "evil.example"}]
