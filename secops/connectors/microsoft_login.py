"""Entra ID's client-credentials sign-in for the Microsoft connectors: a token, kept until shortly before its end."""

import threading
import time
from typing import Any
from urllib.parse import quote

from secops.connectors.base import Connector
from secops.connectors.capabilities.errors import SourceRefused
from secops.http import Answer, HttpError

EARLY = 120.0  # seconds before its end that a token is no longer used


class TokenSource:
    """One per connector; threads share the token."""

    def __init__(self, connector: Connector, scope: str) -> None:
        self.connector = connector
        self.scope = scope
        self._lock = threading.Lock()
        self._token = ""
        self._ends = 0.0

    def token(self) -> str:
        """A bearer token. SourceRefused when the sign-in is refused, HttpError when it cannot be had."""
        with self._lock:
            if time.monotonic() >= self._ends:
                self._sign_in()
            return self._token

    def forget(self) -> None:
        """The product says that the token is no good: ask for another next time."""
        self._ends = 0.0

    def _sign_in(self) -> None:
        connector = self.connector
        answer = connector.http.request(
            "POST",
            f"{connector.setting('login_url')}/{quote(connector.setting('tenant'))}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": connector.setting("client_id"),
                "client_secret": connector.secret("client_secret"),
                "scope": self.scope,
            },
        )
        if answer.status in {400, 401}:
            raise SourceRefused(f"{answer.host} refused the sign-in: check tenant, client id and client secret")
        self._read(connector.checked(answer))

    def _read(self, answer: Answer) -> None:
        body = answer.json()
        try:
            self._token = str(body["access_token"])
            self._ends = time.monotonic() + float(body["expires_in"]) - EARLY
        except (KeyError, TypeError, ValueError) as error:
            raise HttpError(f"{answer.host} sent no token", status=answer.status) from error


def bearer(source: TokenSource, method: str, url: str, **kwargs: Any) -> Answer:
    """One request with the token; a 401 is answered once with a fresh token (nothing was done by a 401)."""
    answer = Answer(host="", status=0, headers={}, body=b"")
    for _ in range(2):
        headers = {"Authorization": f"Bearer {source.token()}"}
        answer = source.connector.http.request(method, url, headers=headers, **kwargs)
        if answer.status != 401:
            break
        source.forget()
    return answer
