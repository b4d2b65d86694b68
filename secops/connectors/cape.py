"""CAPE sandbox by its REST API v2: a sample is run by a machine of ours, and its report read.

Many of CAPE's refusals are an answer of 200 that says `error`; it throttles an account to 5 calls a minute by default.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from secops.connectors.base import BaseUrlField, Connector, RateLimit, connectors
from secops.connectors.capabilities.detonation import Detonation, Dropped
from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceRefused
from secops.connectors.sending import before_the_effect, refuse, send_once
from secops.http import Answer, HttpError
from secops.hunting import tlsh

Row = dict[str, Any]
QUEUED = {"pending", "distributed"}
FAILED = {"failed_analysis", "failed_processing", "failed_reporting", "banned"}
MOST = 50  # of each list in a report
MOST_TEXT = 500  # characters of one entry


@connectors.register
class Cape(Connector):
    """What is handed over stays in the sandbox's store. `route` none: the sample reaches nobody, and nobody it."""

    slug = "cape"
    label = "CAPE sandbox"
    doc_url = "https://capev2.readthedocs.io/en/latest/usage/api.html"
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=5, seconds=60)
    concurrency = 2
    secret_fields: ClassVar[tuple[str, ...]] = ("token",)

    class SettingsForm(forms.Form):
        url = BaseUrlField(label="Address", help_text="Of the web interface, without /apiv2.")
        route = forms.CharField(
            max_length=40, initial="none", help_text="Where the sample's packets go; none keeps them inside."
        )
        machine = forms.CharField(required=False, max_length=60, help_text="Which analysis machine; empty: any.")
        calls_per_minute = forms.IntegerField(
            required=False, min_value=1, max_value=10_000, help_text="Of the account. Empty: 5, CAPE's default."
        )

    @classmethod
    def limit_of(cls, values: Mapping[str, Any]) -> RateLimit | None:
        calls = values.get("calls_per_minute")
        return RateLimit(calls=int(calls), seconds=60) if calls else cls.rate_limit

    def test(self) -> str:
        found = self._get("cuckoo/status/")
        return f"CAPE {str(_part(found, 'data').get('version') or 'answers')[:40]}."

    def detonate(self, name: str, content: bytes, key: str) -> str:
        """CAPE knows no idempotency key: ours travels as `custom`, and is looked for among the tasks of the file."""
        with before_the_effect():
            if earlier := self._earlier(hashlib.sha256(content).hexdigest(), key):
                return earlier
        form = {"custom": key, "route": self.setting("route") or "none"}
        if machine := self.setting("machine"):
            form["machine"] = machine
        answer = send_once(
            self,
            "POST",
            self._url("tasks/create/file/"),
            headers=self._headers(),
            data=form,
            files={"file": (name, content, "application/octet-stream")},
        )
        if not answer.is_ok:
            refuse(answer, "take the sample")
        body = _read(answer)
        if _said_no(body):
            raise NoEffect(f"{answer.host} did not take the sample: {_text(body.get('error_value'))}")
        numbers = _part(body, "data").get("task_ids")
        if not isinstance(numbers, list) or not numbers or not isinstance(numbers[0], int):
            raise Doubt(f"{answer.host} did not say which task it made")
        return str(numbers[0])

    def detonation(self, handle: str) -> Detonation:
        task = _part(self._get(f"tasks/view/{int(handle)}/"), "data")
        state = str(task.get("status") or "")
        if state in FAILED:
            return Detonation(state="failed", text=f"The sandbox could not run it ({state.replace('_', ' ')})")
        if state != "reported":
            return Detonation(state="queued" if state in QUEUED else "running", text=f"CAPE: {state or 'unknown'}")
        return _detonation(self._get(f"tasks/get/report/{int(handle)}/json/"))

    def _earlier(self, sha256: str, key: str) -> str:
        found = self._get(f"tasks/search/sha256/{sha256}/").get("data")
        mine = (
            [one for one in found if isinstance(one, dict) and one.get("custom") == key]
            if isinstance(found, list)
            else []
        )
        return str(mine[0]["id"]) if mine and isinstance(mine[0].get("id"), int) else ""

    def _get(self, path: str) -> Row:
        answer = self.checked(self.http.request("GET", self._url(path), headers=self._headers()))
        body = _read(answer)
        if _said_no(body):
            raise SourceRefused(f"{answer.host} refused: {_text(body.get('error_value'))}")
        return body

    def _url(self, path: str) -> str:
        return f"{self.setting('url')}/apiv2/{path}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.secret('token')}"}


def _read(answer: Answer) -> Row:
    body = answer.json()
    if not isinstance(body, dict):
        raise HttpError(f"{answer.host} sent an answer that is not an object", status=answer.status)
    return body


def _said_no(body: Row) -> bool:
    return body.get("error") is True


def _part(body: Row, name: str) -> Row:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return " ".join(str(value or "").split())[:MOST_TEXT]


def _rows(value: Any) -> list[Row]:
    return [one for one in value if isinstance(one, dict)][:MOST] if isinstance(value, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    """Each once, in their order."""
    found = [_text(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return tuple(dict.fromkeys(one for one in found if one))[:MOST]


def _detonation(report: Row) -> Detonation:
    summary, network = _part(_part(report, "behavior"), "summary"), _part(report, "network")
    score = report.get("malscore")
    family = next((_text(one.get("family")) for one in _rows(report.get("detections"))), "")
    return Detonation(
        state="done",
        text="Reported",
        score=float(score) if isinstance(score, int | float) else None,
        family=family,
        tlsh=_tlsh(_part(_part(report, "target"), "file")),
        signatures=_texts([one.get("description") or one.get("name") for one in _rows(report.get("signatures"))]),
        techniques=_texts([ttp for one in _rows(report.get("ttps")) for ttp in one.get("ttps") or []]),
        dropped=_dropped(_rows(report.get("dropped")), _texts(summary.get("write_files"))),
        keys=_texts(summary.get("write_keys")),
        commands=_texts(summary.get("executed_commands")),
        addresses=_texts([one.get("ip") for one in _rows(network.get("hosts"))]),
        domains=_texts([one.get("domain") for one in _rows(network.get("domains"))]),
    )


def _tlsh(file: Row) -> str:
    """CAPE says false where its library is missing or the file is too small."""
    return tlsh.digest(_text(file.get("tlsh")))


def _dropped(kept: list[Row], written: tuple[str, ...]) -> tuple[Dropped, ...]:
    """The files that the sandbox kept, with their hashes, then those that it only saw being written."""
    found: dict[str, Dropped] = {}
    for one in kept:
        for path in _texts(one.get("guest_paths")) or _texts(one.get("name")):
            found[path.lower()] = Dropped(path=path, sha256=_text(one.get("sha256")).lower(), tlsh=_tlsh(one))
    for path in written:
        found.setdefault(path.lower(), Dropped(path=path))
    return tuple(found.values())[:MOST]
