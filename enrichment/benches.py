"""What enrichment must reach (PERFORMANCE.md part 5): many slow sources at once, and one alert at idle."""

import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import count
from math import ceil
from pathlib import Path
from statistics import median, quantiles
from tempfile import mkdtemp
from time import monotonic, perf_counter, sleep
from typing import ClassVar

from django.conf import settings
from django.utils import timezone

from cases.models import Alert, AlertKind, Case
from enrichment.choices import LookupState
from enrichment.models import KindQuestion, Lookup
from enrichment.services import lookups, planning
from enrichment.services.calls import THREADS
from secops import integrations
from secops.models import ApiToken, Integration
from secops.tryout.processes import Child, Household, manage, python

SLOW = 0.1  # seconds that the source takes for each answer
LOOKUPS = 1_000
SOURCES = 12
QUESTION = "device_lease"
_addresses = count(1)


class SlowWorld:
    """A source in a process of its own, and integrations that ask it."""

    def __init__(self, sources: int) -> None:
        self.household = Household()
        self.folder = Path(mkdtemp(prefix="nightdesk-slow-"))
        self.env = dict(os.environ)
        note = self.folder / "port"
        self.start("slow-source", python("-m", "secops.tryout.slow_source", str(note), "--seconds", str(SLOW)))
        wait_for(note.exists)
        sleep(0.2)
        pair = f"127.0.0.1:{note.read_text()}"
        settings.NIGHTDESK_INTERNAL_HOSTS = (pair,)
        self.env |= {"NIGHTDESK_INTERNAL_HOSTS": pair}
        Integration.objects.all().delete()
        for number in range(sources):
            integrations.add("kea", f"Slow {number}", {"url": f"http://{pair}/"})
        self.kind, _ = AlertKind.objects.get_or_create(slug="bench-slow", defaults={"name": "Slow world", "order": 1})
        KindQuestion.objects.get_or_create(kind=self.kind, question=QUESTION)

    def start(self, name: str, command: list[str], extra: dict[str, str] | None = None) -> Child:
        return self.household.start(Child(name, command, self.env | (extra or {}), self.folder))

    def close(self) -> None:
        self.household.end()


def fresh_address() -> str:
    """An inside address that was not asked about before."""
    number = next(_addresses)
    return f"10.{number // 65_536 % 250}.{number // 256 % 256}.{number % 256}"


def wait_for(is_so: Callable[[], bool], seconds: float = 60) -> None:
    ends = monotonic() + seconds
    while not is_so():
        if monotonic() > ends:
            raise AssertionError("the bench waited too long for its own processes")
        sleep(0.005)


class Lookups:
    """1,000 lookups of 100 ms on 32 threads, findings written, against the time that 32 at once need at least."""

    name = "lookups"
    unit = "s"
    baseline_name = "ideal"
    target = 1.15
    is_ceiling = True
    cases: ClassVar[int] = 250

    def __init__(self) -> None:
        self.world = SlowWorld(4)  # of 8 calls at once each

    def measure(self) -> float:
        now = timezone.now()
        for _ in range(self.cases):
            case = Case.objects.create(
                title="Bench",
                severity=2,
                kind=self.world.kind,
                opened_at=now,
                first_alert_at=now,
                last_alert_at=now,
                updated_at=now,
                is_planning_due=True,
            )
            self._alert(case, now)
        while planning.plan_due():
            pass
        begin = perf_counter()
        lookups.work()
        seconds = perf_counter() - begin
        if Lookup.objects.exclude(state=LookupState.ANSWERED).exists():
            raise AssertionError("lookups were left")
        return seconds

    def baseline(self) -> float:
        return ceil(LOOKUPS / THREADS) * SLOW

    def close(self) -> None:
        self.world.close()

    @staticmethod
    def _alert(case: Case, now: datetime) -> None:
        Alert.objects.create(
            case=case,
            source="bench",
            source_ref=f"bench-{case.pk}",
            detector="nightdesk",
            title="Bench",
            severity=2,
            detected_at=now,
            received_at=now,
            last_seen_at=now,
            src_ip=fresh_address(),
        )


class Enriched:
    """From POST to twelve of twelve answered, at idle, through web server and cluster; seconds above the source's."""

    name = "enriched"
    unit = "s p50"
    baseline_name = "source"
    target = 0.18 / SLOW  # p50 at most 80 ms above the slowest source
    is_ceiling = True
    alerts: ClassVar[int] = 10
    late: ClassVar[float] = SLOW + 0.4  # p95 at most 400 ms above

    def __init__(self) -> None:
        self.world = SlowWorld(SOURCES)
        _, self.secret = ApiToken.issue("bench")
        self.port = _free_port()
        self.world.start("web", python("-m", "gunicorn", "secops.wsgi", "-b", f"127.0.0.1:{self.port}", "-w", "2"))
        self.world.start("enrichment", manage("qcluster"), {"Q_CLUSTER_NAME": "enrichment"})
        wait_for(self._is_up)
        for _ in range(3):  # first messages pay for imports
            self._once()

    def measure(self) -> float:
        found = [self._once() for _ in range(self.alerts)]
        if quantiles(found, n=20)[-1] > self.late:
            print(f"enriched: p95 {quantiles(found, n=20)[-1]:.3f} s is above {self.late:.2f} s")
        return median(found)

    def baseline(self) -> float:
        return SLOW

    def close(self) -> None:
        self.world.close()

    def _once(self) -> float:
        number = next(_addresses)
        at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        body = {
            "schema": "nightdesk.alert/1",
            "source": "bench",
            "source_ref": f"b{number}-{os.getpid()}",
            "title": f"Bench {number}",
            "kind": "bench-slow",
            "severity": 2,
            "detected_at": at,
            "flow": {"src_ip": fresh_address(), "dst_ip": "203.0.113.9", "dst_port": 443, "proto": "tcp"},
        }
        begin = perf_counter()
        status = self._post(json.dumps(body).encode())
        if status != 201:
            raise AssertionError(f"the alert was answered {status}")
        case = Case.objects.order_by("-pk")[0]
        wait_for(lambda: Case.objects.filter(pk=case.pk, enriched_at__isnull=False).exists())
        seconds = perf_counter() - begin
        if case.lookups.filter(state=LookupState.ANSWERED).count() != SOURCES:
            raise AssertionError("not all twelve answered")
        sleep(0.2)
        return seconds

    def _post(self, body: bytes) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/alerts/", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def _is_up(self) -> bool:
        try:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/health/")
            return connection.getresponse().status == 200
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
