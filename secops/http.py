"""How connectors speak HTTP: one client, one time-out, one error that says whether anything was sent."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import requests
from django.conf import settings

from secops import intent
from secops.egress import Blocked, EgressError, GuardedSession, NotReached, TooLarge
from secops.errors import SecopsError

FROZEN = "This worker was frozen before it could send, so nothing was sent"
MAX_STREAM = 16 * 10**12  # bytes of one body that is streamed: the largest disks of the day
CHUNK = 262_144  # bytes
LONGEST_WAIT = 86_400.0  # seconds; who asks for more is mistaken, or wants never to be asked again


class HttpError(SecopsError):
    """Names the host and the status, never the path, the query or the other side's words: all can hold a key.

    `was_sent` is False only when it is known that nothing reached the other side. `retry_after` is in seconds.
    """

    status_code = 502

    def __init__(
        self, message: str, *, status: int | None = None, was_sent: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.was_sent = was_sent
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: any status, body as bytes (at most 5 MB)."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; HttpError when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise HttpError(f"{self.host} sent an answer that is not JSON", status=self.status) from error

    def error(self) -> HttpError:
        """The same answer as an error, for a caller that wanted another status."""
        return HttpError(
            f"{self.host} answered {self.status}", status=self.status, retry_after=_retry_after(self.headers)
        )

    def checked(self) -> "Answer":
        """Itself when 2xx, else HttpError."""
        if not self.is_ok:
            raise self.error()
        return self


class HttpClient:
    """One per integration. Reads take the session that was used last and is free, so that as few connections are open
    as are in use at once; `fresh=True` (effects) never reuses one."""

    def __init__(self, *, headers: Mapping[str, str] | None = None, timeout: tuple[float, float] = (3, 10)) -> None:
        self.headers = dict(headers or {})
        self.timeout = timeout
        self._free: deque[GuardedSession] = deque()

    def request(self, method: str, url: str, *, fresh: bool = False, **kwargs: Any) -> Answer:
        """Send once; any status is an answer. Takes json, data, params, headers as `requests` does."""
        headers = self.headers | dict(kwargs.pop("headers", None) or {})
        if fresh and intent.is_spent():
            raise HttpError(FROZEN, was_sent=False)
        session = _session() if fresh else self._taken()
        if fresh:
            headers["Connection"] = "close"
        try:
            with _told(url):
                response = session.request(method, url, headers=headers, timeout=self.timeout, **kwargs)
        finally:
            if fresh:
                session.close()
            else:
                self._free.append(session)
        return Answer(host=_host(url), status=response.status_code, headers=response.headers, body=response.content)

    def get(self, url: str, **kwargs: Any) -> Any:
        """GET and read JSON; any status but 2xx is an HttpError."""
        return self.request("GET", url, **kwargs).checked().json()

    def post(self, url: str, **kwargs: Any) -> Any:
        """POST and read JSON; any status but 2xx is an HttpError."""
        return self.request("POST", url, **kwargs).checked().json()

    def stream(
        self, url: str, *, seconds: float, offset: int = 0, limit: int = MAX_STREAM, **kwargs: Any
    ) -> Iterator[bytes]:
        """The bytes of a body from `offset` on, as they are (never unpacked), in pieces; for images and captures.

        `seconds` is the deadline of the whole call, each read has the client's own time-out, and `limit` is the most
        bytes that are taken. HttpError for any status but 2xx, for a body that is encoded, and where an offset was
        asked for and the other side began at another place. Who has enough closes the iterator.
        """
        headers = self.headers | dict(kwargs.pop("headers", None) or {})
        if offset:
            headers["Range"] = f"bytes={offset}-"
        host, taken = _host(url), 0
        with (
            _told(url),
            _session() as session,
            session.reading(url, seconds=seconds, timeout=self.timeout, headers=headers, **kwargs) as response,
        ):
            _require_body(Answer(host=host, status=response.status_code, headers=response.headers, body=b""), offset)
            for chunk in response.iter_content(CHUNK):
                taken += len(chunk)
                if taken > limit:
                    raise TooLarge(f"{host} sent more than {limit} bytes")
                yield chunk

    def _taken(self) -> GuardedSession:
        try:
            return self._free.pop()
        except IndexError:
            return _session()


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Whatever breaks as an HttpError that says whether anything was sent."""
    try:
        yield
    except (Blocked, NotReached) as error:
        raise HttpError(str(error), was_sent=False) from error
    except EgressError as error:
        raise HttpError(str(error)) from error
    except requests.RequestException as error:
        raise HttpError(f"{_host(url)} broke off: {type(error).__name__}") from error


def _require_body(answer: Answer, offset: int) -> None:
    """HttpError unless these are the bytes that were asked for, as they are."""
    answer.checked()
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise HttpError(f"{answer.host} sent the bytes packed, although it was asked not to", status=answer.status)
    begins = answer.headers.get("Content-Range", "") if answer.status == 206 else ""
    if offset and not begins.startswith(f"bytes {offset}-"):
        raise HttpError(f"{answer.host} did not go on at byte {offset}", status=answer.status)


def _session() -> GuardedSession:
    return GuardedSession(internal=tuple(settings.NIGHTDESK_INTERNAL_HOSTS))


def _host(url: str) -> str:
    from urllib.parse import urlsplit

    try:
        return urlsplit(url).hostname or "the address"
    except ValueError:
        return "the address"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, a day at most, from either form of the header (RFC 9110 section 10.2.3)."""
    value = headers.get("Retry-After", "")
    try:
        wait = float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(0.0, wait), LONGEST_WAIT)
