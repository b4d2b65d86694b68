"""intake_single: one alert a POST through the real door, against a plain REST framework view with one insert."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from socket import create_connection, socket
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import connection

from cases.benches.batch import eve_alerts
from cases.intake.messages import Message
from cases.models import Case
from cases.services import alerts, shipped
from secops.models import ApiToken

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 4
POSTS = 400
WORKERS = 2
START_SECONDS = 30


class IntakeSingle:
    """Real URL, token and all middleware, 4 connections; the baseline has no authentication and no middleware."""

    name: ClassVar[str] = "intake_single"
    unit: ClassVar[str] = "alerts/s"
    baseline_name: ClassVar[str] = "DRF, one row"
    target = 0.85

    def __init__(self) -> None:
        name = f"bench-{os.getpid()}"
        ApiToken.objects.filter(name=name).delete()
        _, self.secret = ApiToken.issue(name)

    def measure(self) -> float:
        bodies = [message.body for message in eve_alerts(POSTS)]
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        with _served("secops.wsgi:application") as port:
            return _speed(port, "/api/v1/intake/suricata/", bodies, headers)

    def baseline(self) -> float:
        case = Case.objects.filter(kind__isnull=False).order_by("pk").first() or self._first_case()
        bodies = [_row(message, case) for message in eve_alerts(POSTS)]
        with _served("cases.benches.plain:application") as port:
            return _speed(port, "/", bodies, {"Content-Type": "application/json"})

    @staticmethod
    def _first_case() -> Case:
        shipped.install()
        alerts.receive(eve_alerts(1), detector="suricata", source="bench")
        return Case.objects.latest("pk")


def _row(message: Message, case: Case) -> bytes:
    """The same message as the fields of one row, with the kind and the case that it belongs to."""
    payload = message.payload or {}
    return json.dumps(
        {
            "source": "plain",
            "source_ref": f"{payload['flow_id']}",
            "detector": "suricata",
            "kind": case.kind_id,
            "case": case.pk,
            "device": None,
            "title": payload["alert"]["signature"],
            "severity": 2,
            "rule_id": f"1:{payload['alert']['signature_id']}",
            "detected_at": payload["timestamp"],
            "received_at": payload["timestamp"],
            "last_seen_at": payload["timestamp"],
            "src_ip": payload["src_ip"],
            "src_port": payload["src_port"],
            "dst_ip": payload["dest_ip"],
            "dst_port": payload["dest_port"],
            "details": payload,
        }
    ).encode()


@contextmanager
def _served(application: str) -> "Iterator[int]":
    """A real gunicorn on a free loopback port, with this process's database; ended by its id."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", application, "-w", str(WORKERS), "-b", f"127.0.0.1:{port}"]
    server = subprocess.Popen(  # noqa: S603 - our own words
        [*command, "--log-level", "error"], cwd=settings.BASE_DIR, env=os.environ | _database()
    )
    try:
        _wait(port)
        yield port
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def _database() -> dict[str, str]:
    """The settings that make the server use the database of the bench; a file for SQLite, never one in memory."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return {"NIGHTDESK_DATA": str(os.path.dirname(str(values["NAME"])))}
    options = {key: value for key, value in values["OPTIONS"].items() if isinstance(value, str)}
    query = urlencode({"host": values["HOST"], **options})
    place = f"{quote(values['USER'])}:{quote(values['PASSWORD'])}@{f':{values["PORT"]}' if values['PORT'] else ''}"
    return {"DATABASE_URL": f"postgres://{place}/{values['NAME']}?{query}"}


def _wait(port: int) -> None:
    ends = monotonic() + START_SECONDS
    while monotonic() < ends:
        try:
            create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            sleep(0.05)
        else:
            return
    raise RuntimeError("gunicorn did not start")


def _speed(port: int, path: str, bodies: list[bytes], headers: dict[str, str]) -> float:
    shares = [bodies[place::CLIENTS] for place in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda share: _send(port, path, share[:10], headers), shares))  # warm
        begin = perf_counter()
        list(pool.map(lambda share: _send(port, path, share[10:], headers), shares))
    return (len(bodies) - 10 * CLIENTS) / (perf_counter() - begin)


def _send(port: int, path: str, bodies: list[bytes], headers: dict[str, str]) -> None:
    client = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    for body in bodies:
        client.request("POST", path, body, headers)
        answer: Any = client.getresponse()
        told = answer.read()
        if answer.status != 201:
            raise AssertionError(f"the bench's POST was answered {answer.status}: {told[:200]!r}")
    client.close()
