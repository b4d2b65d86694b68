"""HTTP digest authentication (RFC 7616) for products that ask for it: the password itself never travels."""

import hashlib
import re
from collections.abc import Iterator
from secrets import token_hex
from threading import Lock
from urllib.parse import urlencode, urlsplit

from secops.connectors.base import Connector
from secops.connectors.capabilities.errors import SourceRefused
from secops.http import Answer

_PART = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
HASHES = {"MD5": "md5", "SHA-256": "sha256"}


class DigestLogin:
    """One per connector; threads share the nonce, each request counts it up."""

    def __init__(self, connector: Connector, username: str, password: str) -> None:
        self.connector = connector
        self._username, self._password = username, password
        self._lock = Lock()
        self._challenge: dict[str, str] = {}
        self._count = 0

    def get(self, url: str, params: dict[str, str]) -> Answer:
        """GET with the query in the signed part; a stale nonce is answered once with a fresh one."""
        whole = f"{url}?{urlencode(params)}" if params else url
        answer = self.connector.http.request("GET", whole, headers=self._header(whole))
        if answer.status == 401:
            self._take(answer)
            answer = self.connector.http.request("GET", whole, headers=self._header(whole))
        return answer

    def stream(self, url: str, params: dict[str, str], *, seconds: float) -> Iterator[bytes]:
        """A body that is larger than an answer; after a `get`, which sees to it that the nonce is fresh."""
        whole = f"{url}?{urlencode(params)}"
        return self.connector.http.stream(whole, seconds=seconds, headers=self._header(whole))

    def _take(self, answer: Answer) -> None:
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        found = {name: quoted or plain for name, quoted, plain in _PART.findall(rest)}
        if kind.lower() != "digest" or "nonce" not in found or found.get("algorithm", "MD5") not in HASHES:
            raise SourceRefused(f"{answer.host} refused the sign-in: it does not ask for a digest")
        with self._lock:
            self._challenge, self._count = found, 0

    def _header(self, url: str) -> dict[str, str]:
        with self._lock:
            challenge = self._challenge
            self._count += 1
            count = f"{self._count:08x}"
        if not challenge:
            return {}
        parts = urlsplit(url)
        uri = f"{parts.path}?{parts.query}" if parts.query else parts.path
        realm, nonce, ours = challenge.get("realm", ""), challenge["nonce"], token_hex(8)
        algorithm = challenge.get("algorithm", "MD5")
        first = _hash(algorithm, f"{self._username}:{realm}:{self._password}")
        second = _hash(algorithm, f"GET:{uri}")
        response = _hash(algorithm, f"{first}:{nonce}:{count}:{ours}:auth:{second}")
        fields = {"username": self._username, "realm": realm, "nonce": nonce, "uri": uri, "response": response}
        said = ", ".join(f'{name}="{value}"' for name, value in fields.items())
        opaque = f', opaque="{challenge["opaque"]}"' if challenge.get("opaque") else ""
        return {"Authorization": f'Digest {said}, algorithm={algorithm}, qop=auth, nc={count}, cnonce="{ours}"{opaque}'}


def _hash(algorithm: str, text: str) -> str:
    return hashlib.new(HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()
