"""An HttpClient that answers from a script and remembers what was asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secops.connectors.base import Connector, Settings
from secops.http import Answer, HttpError


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """`body` is JSON unless it is bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(host="product.test", status=status, headers=dict(headers or {}), body=raw)


@dataclass
class Call:
    method: str
    url: str
    options: dict[str, Any]


@dataclass
class FakeHttp:
    """`answers` are (part of the URL, answer or error); the first that fits is used up, the last one stays."""

    answers: list[tuple[str, Answer | HttpError]]
    calls: list[Call] = field(default_factory=list)

    def request(self, method: str, url: str, *, fresh: bool = False, **options: Any) -> Answer:
        self.calls.append(Call(method, url, options | {"fresh": fresh}))
        fitting = [one for one in self.answers if one[0] in url]
        if not fitting:
            raise AssertionError(f"Nobody answers {method} {url}")
        if len(fitting) > 1:
            self.answers.remove(fitting[0])
        found = fitting[0][1]
        if isinstance(found, HttpError):
            raise found
        return found

    def asked(self, part: str) -> list[Call]:
        return [call for call in self.calls if part in call.url]


def connected[C: Connector](
    kind: type[C],
    values: Mapping[str, Any],
    secrets: Mapping[str, str],
    answers: list[tuple[str, Answer | HttpError]],
) -> tuple[C, FakeHttp]:
    """A connector whose product is the script."""
    connector = kind(Settings(values=kind.clean(values), secrets=secrets))
    http = FakeHttp(list(answers))
    connector.http = http  # type: ignore[assignment]
    return connector, http
