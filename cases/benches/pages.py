"""What the pages must reach (PERFORMANCE.md part 5): the queue against its bare template, queries, and weight."""

import gzip
import os
import re
from collections.abc import Callable
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any, ClassVar

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from cases.benches.batch import eve_alerts
from cases.choices import Card
from cases.models import Case
from cases.services import alerts, shipped
from cases.views.filters import PAGE, Asked
from cases.views.queue import page_of
from secops import banners
from secops.access import RoleName
from secops.models import User

CASES = 500  # open ones; the page shows fifty
REQUESTS = 60  # of one measure
PATH = "/queue/"
CARDS = {
    str(card): {
        "verdict": verdict,
        "label": label,
        "headline": f"{label}: what the sources say of it, in a sentence of usual length",
        "state": "done",
        "is_marked": card == Card.FILES,
    }
    for card, verdict, label in zip(
        Card,
        ("suspicious", "malicious", "suspicious", "benign", "informational", "unknown"),
        ("Off hours", "Malicious", "Beacon", "Healthy", "Rare", "Unknown"),
        strict=True,
    )
}
VERDICTS = ("malicious", "suspicious", "benign", "informational", "unknown")
COUNTRIES = ("SC", "NL", "PT", "RO", "US", "BR", "DE")
GROUPS = ("FIN", "SAL", "ENG", "OPS", "HR", "IT")
NAMES = ("Maya", "Jonas", "Ines", "Duarte", "Helena", "Piotr", "Ana", "Gesa", "Marta", "Tomas", "Rui", "Lena", "Olu")
_numbers = count(1)


class Door:
    """The whole application in this process, middleware and session included, as a web server calls it."""

    def __init__(self) -> None:
        shipped.install()
        self.user = User.objects.create_user(f"bench-{os.getpid()}-{next(_numbers)}")
        self.user.groups.add(Group.objects.get_or_create(name=RoleName.ANALYST)[0])
        self.application = WSGIHandler()
        self.factory = RequestFactory(SERVER_NAME="127.0.0.1", HTTP_COOKIE=f"session={self._session()}")

    def get(self, path: str) -> bytes:
        """The body of the page; anything but 200 ends the bench."""
        status: list[str] = []
        environ = self.factory.get(path).environ
        response = self.application(environ, lambda said, *_: status.append(said))  # type: ignore[arg-type]
        body = b"".join(response)
        response.close()
        if not status[0].startswith("200"):
            raise AssertionError(f"{path} was answered {status[0]}")
        return body

    def queries(self, path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            self.get(path)
        return len(asked)

    def request(self, path: str) -> HttpRequest:
        """A request that nothing has to be read for: its user is at hand."""
        request = self.factory.get(path)
        request.user = self.user
        return request

    def _session(self) -> str:
        session = SessionStore()
        session[SESSION_KEY] = str(self.user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = self.user.get_session_auth_hash()
        session.create()
        return str(session.session_key)


def fill() -> None:
    """Open cases as intake makes them, with the words that a row has when everything is answered."""
    alerts.receive(eve_alerts(CASES), detector="suricata", source="bench")
    cases = list(Case.objects.order_by("pk"))
    for number, case in enumerate(cases):  # no two rows alike: else the page would compress to nothing
        verdicts = [VERDICTS[(number * 7 + place * 3 + number // 5) % len(VERDICTS)] for place in range(len(CARDS))]
        case.cards = {
            card: state | {"verdict": verdict} for (card, state), verdict in zip(CARDS.items(), verdicts, strict=True)
        }
        case.risk_score, case.target_country = number * 37 % 101, COUNTRIES[number % len(COUNTRIES)]
        case.device_name = f"{GROUPS[number % len(GROUPS)]}-LT-{number * 7919 % 10_000:04}"
        case.person_name = f"{NAMES[number % len(NAMES)]} {NAMES[number * 5 % len(NAMES)]}sen"
    Case.objects.bulk_update(cases, ["cards", "risk_score", "device_name", "person_name", "target_country"])


class Plain:
    """What is judged by its own value: no baseline, and less is better."""

    baseline_name: ClassVar[str] = ""
    is_ceiling = True

    def __init__(self) -> None:
        self.door = Door()
        fill()

    def baseline(self) -> None:
        return None


class QueueRender:
    """The queue page, signed in, against the same template with the same rows from memory: no database, no session."""

    name: ClassVar[str] = "queue_render"
    unit: ClassVar[str] = "ms p50"
    baseline_name: ClassVar[str] = "template"
    target = 2.0
    is_ceiling = True

    def __init__(self) -> None:
        self.door = Door()
        fill()
        self.request = self.door.request(PATH)
        self.context = page_of(self.request, Asked.of(self.request.GET))
        if len(self.context["rows"]) != PAGE:
            raise AssertionError("the bench has not filled a page")
        self.render()
        self.door.get(PATH)

    def measure(self) -> float:
        return _p50(lambda: self.door.get(PATH))

    def baseline(self) -> float:
        banners.forget()
        banners.lines()  # kept for some seconds, as for the pages that are measured
        with connection.execute_wrapper(_refuse):
            return _p50(self.render)

    def render(self) -> bytes:
        return render_to_string("cases/queue.html", self.context, self.request).encode()


class QueueQueries(Plain):
    """Queries of a queue page with a preview."""

    name: ClassVar[str] = "queue_queries"
    unit: ClassVar[str] = "queries"
    target = 6

    def measure(self) -> float:
        newest = Case.objects.latest("pk")
        return max(self.door.queries(PATH), self.door.queries(f"{PATH}?peek={newest.number}"))


class CaseQueries(Plain):
    """Queries of a case page: as many with 1,000 alerts in the case as with 10."""

    name: ClassVar[str] = "case_queries"
    unit: ClassVar[str] = "queries"
    target = 15

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = self._case(10, 3_001), self._case(1_000, 3_002)

    def measure(self) -> float:
        small, large = (self.door.queries(f"/cases/{case.number}/") for case in (self.small, self.large))
        if small != large:
            raise AssertionError(f"{small} queries with 10 alerts, {large} with 1,000")
        return large

    def _case(self, number: int, host: int) -> Case:
        alerts.receive(eve_alerts(number, host=host, signature=1), detector="suricata", source="bench")
        case = Case.objects.latest("pk")
        self.door.get(f"/cases/{case.number}/")  # the first look marks it as read
        return case


class PageWeight(Plain):
    """The queue page with fifty rows, compressed."""

    name: ClassVar[str] = "page_weight"
    unit: ClassVar[str] = "kB"
    target = 15

    def measure(self) -> float:
        return self.weight_of([PATH])

    def weight_of(self, paths: list[str]) -> float:
        return sum(len(gzip.compress(self.door.get(path))) for path in paths) / 1_000


class AssetWeight(PageWeight):
    """Style and scripts of the page, compressed."""

    name: ClassVar[str] = "asset_weight"
    target = 60

    def measure(self) -> float:
        html = self.door.get(PATH).decode()
        paths = re.findall(r'<(?:link rel="stylesheet" href|script[^>]* src)="([^"]+)"', html)
        if len(paths) < 2:
            raise AssertionError("the page has no style or no script")
        return self.weight_of(paths)


def _p50(work: Callable[[], object]) -> float:
    """Milliseconds."""
    found = []
    for _ in range(REQUESTS):
        begin = perf_counter()
        work()
        found.append((perf_counter() - begin) * 1_000)
    return median(found)


def _refuse(execute: Any, sql: str, *_: Any) -> Any:
    raise AssertionError(f"the baseline asked the database: {sql[:120]}")
