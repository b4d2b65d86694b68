"""Defender's custom indicators: an address, a domain, a URL or a file that no onboarded device may reach or run."""

from typing import Any
from urllib.parse import quote

from secops.connectors.base import Connector
from secops.connectors.capabilities.errors import NoEffect
from secops.connectors.microsoft_kql import Row, word
from secops.connectors.microsoft_login import TokenSource
from secops.connectors.sending import before_the_effect, refuse, send_once
from secops.http import Answer, HttpError

TYPES = {
    "ip": "IpAddress",
    "domain": "DomainName",
    "url": "Url",
    "hash_sha256": "FileSha256",
    "hash_sha1": "FileSha1",
    "hash_md5": "FileMd5",
}
BLOCKING = {"block", "blockandremediate", "alertandblock"}
OURS = "Nightdesk"  # how the titles of our own begin: nobody else's is ever taken away


class IndicatorEffects(Connector):
    """The capability `block`. One entry per value: submitting it again updates the same one."""

    tokens: TokenSource

    def _get(self, path: str, params: dict[str, str]) -> dict[str, Any] | None:
        """One object; None when the product does not have it."""
        raise NotImplementedError

    def block(self, kind: str, value: str, reason: str, key: str) -> str:
        """The id of the indicator; NoEffect when somebody has allowed the value on purpose."""
        if kind not in TYPES:
            raise NoEffect(f"Defender cannot block this kind of value ({kind}).")
        with before_the_effect():
            found = self._indicators(kind, value)
            token = self.tokens.token()
        if any(word(one, "action").lower() == "allowed" for one in found):
            raise NoEffect("Somebody has allowed this value in Defender on purpose; ask them first.")
        if foreign := next((one for one in found if _is_blocking(one) and not _is_ours(one)), None):
            return word(foreign, "id")
        body = {
            "indicatorValue": value,
            "indicatorType": TYPES[kind],
            "action": "BlockAndRemediate" if kind.startswith("hash_") else "Block",
            "title": f"{OURS}: {reason}"[:100],
            "description": f"{reason} [{key}]",
            "severity": "High",
            "generateAlert": True,
        }
        answer = self._submit("POST", "indicators", token, json=body)
        if answer.status not in {200, 201}:
            self._refuse(answer, "block")
        return word(_object(answer), "id")

    def unblock(self, kind: str, value: str) -> None:
        """Take our own entry away; NoEffect when only somebody else's is there."""
        with before_the_effect():
            found = [one for one in self._indicators(kind, value) if _is_blocking(one)]
            token = self.tokens.token()
        mine = [one for one in found if _is_ours(one)]
        if found and not mine:
            raise NoEffect("Somebody else has blocked this value in Defender; it is left alone.")
        for one in mine:
            answer = self._submit("DELETE", f"indicators/{quote(word(one, 'id'), safe='')}", token)
            if answer.status not in {200, 204, 404}:
                self._refuse(answer, "unblock")

    def is_blocked(self, kind: str, value: str) -> bool:
        return any(_is_blocking(one) for one in self._indicators(kind, value))

    def _indicators(self, kind: str, value: str) -> list[Row]:
        text = value.replace("'", "''")
        found = (self._get("indicators", {"$filter": f"indicatorValue eq '{text}'"}) or {}).get("value")
        if not isinstance(found, list):  # silence must not read as "not blocked"
            raise HttpError("Defender sent no list of indicators")
        return [one for one in found if isinstance(one, dict) and word(one, "indicatorType") == TYPES.get(kind)]

    def _submit(self, method: str, path: str, token: str, **parts: Any) -> Answer:
        url = f"{self.setting('api_url')}/api/{path}"
        return send_once(self, method, url, headers={"Authorization": f"Bearer {token}"}, **parts)

    def _refuse(self, answer: Answer, what: str) -> None:
        if answer.status == 401:  # the token ended early: the next try brings a fresh one
            self.tokens.forget()
        refuse(answer, what, later=1.0 if answer.status == 401 else None)


def _is_blocking(indicator: Row) -> bool:
    return word(indicator, "action").lower() in BLOCKING


def _is_ours(indicator: Row) -> bool:
    return word(indicator, "title").startswith(OURS)


def _object(answer: Answer) -> Row:
    """The indicator that came back; {} is no doubt, since the list is read afterwards."""
    try:
        body = answer.json()
    except HttpError:
        return {}
    return body if isinstance(body, dict) else {}
