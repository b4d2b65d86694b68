"""A visitor of the try-out's own pages: signs in by the one-time link and looks as an analyst would."""

import json
import re
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

TIMEOUT = 20  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the visitor saw: the cases of the queue, how many lookups wait, the longest alert-to-complete."""

    cases: list[int]
    pending: int
    seconds: float | None


class Visitor:
    """Loopback only; knows no database."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._jar = CookieJar()
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self._jar))

    def is_up(self) -> bool:
        try:
            return bool(self.read("/health/"))
        except (URLError, OSError):
            return False

    def sign_in(self, link: str) -> None:
        """GET the page for its token, POST it, as the button does."""
        page = self.read(link)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        data = urlencode({"csrfmiddlewaretoken": found[1] if found else ""}).encode()
        self._open(Request(self.base + link, data=data, headers={"Referer": self.base + link}))  # noqa: S310

    def look(self) -> Sight:
        """The queue and each of its cases; an HTTPError when a page does not answer 200."""
        numbers = sorted({int(n) for n in re.findall(r"CASE-(\d+)", self.read("/queue/"))})
        pending, seconds = 0, []
        for number in numbers:
            self.read(f"/cases/CASE-{number}/")
            state: dict[str, Any] = json.loads(self.read(f"/api/v1/cases/CASE-{number}/"))["enrichment"]
            pending += state.get("pending", 1) if state.get("seconds") is not None else max(1, state.get("pending", 1))
            seconds.append(state.get("seconds"))
        whole = [one for one in seconds if one is not None]
        return Sight(
            cases=numbers, pending=pending, seconds=max(whole) if len(whole) == len(numbers) and whole else None
        )

    def read(self, path: str) -> str:
        return self._open(Request(self.base + path))  # noqa: S310 - the scheme is ours

    def _open(self, request: Request) -> str:
        with self._opener.open(request, timeout=TIMEOUT) as answer:
            return str(answer.read().decode())
