"""GRR's HTTP API v2: signing in, the token of a POST, its JSON, and its files as bytes."""

import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

import msgspec

from secops.connectors.base import Connector
from secops.connectors.capabilities.errors import SourceLimited, SourceRefused
from secops.connectors.sending import send_once
from secops.http import Answer, HttpError

PREFIX = b")]}'\n"  # before every answer, against including it as a script
STREAM_SECONDS = 25.0  # for one piece of a file; whoever reads it stops earlier
LATER = 60.0  # seconds, when GRR says later without a time
type Row = dict[str, Any]


class Api:
    """One per connector. Basic authentication, as GRR's own and the usual proxy before it take it."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self._lock = threading.Lock()
        self._token = ""

    def get(self, path: str, **params: Any) -> Row | None:
        """One object; None when GRR does not have it."""
        answer = self.connector.http.request("GET", self._url(path), params=params, headers=self._headers())
        if answer.status == 404:
            return None
        return read(self.connector.checked(answer))

    def token(self) -> str:
        """The token that a POST must carry, from the cookie of the first page."""
        with self._lock:
            if not self._token:
                answer = self.connector.http.request("GET", f"{self._base()}/", headers=self._headers())
                if answer.status == 401:
                    raise SourceRefused(f"{answer.host} refused the sign-in: check user name and password")
                self._token = _cookie(self.connector.checked(answer), "csrftoken")
            return self._token

    def forget(self) -> None:
        """The token is no good any more: ask for another next time."""
        self._token = ""

    def send(self, path: str, body: Row, token: str) -> Answer:
        """POST once; Doubt when it may have arrived without an answer."""
        headers = {"X-CSRFToken": token, "X-Requested-With": "XMLHttpRequest", "Cookie": f"csrftoken={token}"}
        return send_once(self.connector, "POST", self._url(path), json=body, headers=self._headers() | headers)

    def stream(self, path: str, offset: int, *, collected: int = 0) -> Iterator[bytes]:
        """The bytes of a file that GRR holds, from `offset` on; GRR takes it as a parameter.

        `collected`: the file as it was then (microseconds since 1970), not what another flow brought later.
        """
        params = {"offset": str(offset)} | ({"timestamp": str(collected)} if collected else {})
        try:
            yield from self.connector.http.stream(
                self._url(path), seconds=STREAM_SECONDS, params=params, headers=self._headers()
            )
        except HttpError as error:
            if error.status == 429 or (error.status == 503 and error.retry_after is not None):
                raise SourceLimited(str(error), LATER if error.retry_after is None else error.retry_after) from error
            raise

    def _base(self) -> str:
        return str(self.connector.setting("url"))

    def _url(self, path: str) -> str:
        """HttpError for a path that would be asked for as another one: parts of it are a device's own words."""
        if not is_exact(path):
            raise HttpError("GRR cannot be asked for this path", was_sent=False)
        return f"{self._base()}/api/v2/" + "/".join(quote(one, safe="") for one in path.split("/"))

    def _headers(self) -> dict[str, str]:
        pair = f"{self.connector.setting('username')}:{self.connector.secret('password')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def is_exact(path: str) -> bool:
    """No segment that whoever sends or serves a URL takes away: "..", "." and an empty one (RFC 3986, 5.2.4)."""
    return not {"", ".", ".."} & set(path.split("/"))


def read(answer: Answer) -> Row:
    """The object of an answer; HttpError when there is none."""
    try:
        body = msgspec.json.decode(answer.body.removeprefix(PREFIX))
    except (msgspec.DecodeError, RecursionError) as error:
        raise HttpError(f"{answer.host} sent an answer that is not JSON", status=answer.status) from error
    if not isinstance(body, dict):
        raise HttpError(f"{answer.host} sent an answer that is not an object", status=answer.status)
    return body


def rows(value: Any) -> list[Row]:
    """The objects of a list; whatever else is in it is left out."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def part(value: Row, *names: str) -> Row:
    """An object inside of an object, empty when it is not there."""
    for name in names:
        inner = value.get(name)
        value = inner if isinstance(inner, dict) else {}
    return value


def number(value: Row, name: str) -> int:
    """A whole number; GRR's JSON writes those of 64 bits as strings. 0 when it is none."""
    try:
        return int(value.get(name) or 0)
    except (TypeError, ValueError):
        return 0


def moment(value: Row, name: str) -> datetime | None:
    """Microseconds since 1970."""
    micros = number(value, name)
    try:
        return datetime.fromtimestamp(micros / 1_000_000, UTC) if micros > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def digest(value: Row) -> str:
    """The SHA-256 of a Hash message, hexadecimal; bytes are base64 in JSON."""
    try:
        found = b64decode(str(value.get("sha256") or ""), validate=True).hex()
    except ValueError:
        return ""
    return found if len(found) == 64 else ""


def _cookie(answer: Answer, name: str) -> str:
    try:
        found = SimpleCookie(answer.headers.get("Set-Cookie", "")).get(name)
    except CookieError:
        found = None
    if found is None:
        raise HttpError(f"{answer.host} gave no token to send with a request", status=answer.status)
    return found.value
