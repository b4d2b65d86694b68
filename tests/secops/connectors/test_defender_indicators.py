"""Defender's indicators: blocked once, ours taken away again, nobody else's touched."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from secops.connectors.capabilities.errors import Doubt, NoEffect
from secops.connectors.defender import Defender
from secops.http import Answer, HttpError
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

VALUES = {"tenant": "t", "client_id": "c", "login_url": "https://login.test", "api_url": "https://defender.test"}
TOKEN = ("login.test", answer({"access_token": "tok", "expires_in": 3600}))


def defender(*answers: tuple[str, Answer | HttpError]) -> tuple[Defender, FakeHttp]:
    return connected(Defender, VALUES, {"client_secret": "s"}, [TOKEN, *answers])


def listed(*rows: dict[str, Any]) -> tuple[str, Answer]:
    return "indicators", answer({"value": [{"indicatorType": "IpAddress", "action": "Block"} | row for row in rows]})


@pytest.fixture
def real(attached: Callable[..., Any], practice: Range) -> Iterator[Defender]:
    values = practice.entra | {"api_url": f"{practice.base}/defender"}
    connector = attached(Defender, values, {"client_secret": practice.keys["client_secret"]})
    yield cast(Defender, connector)
    connector.http.request("DELETE", f"{practice.base}/control/limits")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ip", "203.0.113.44"),
        ("domain", "cdn-metrics.example"),
        ("hash_sha256", "ab" * 32),
        ("url", "https://x.example/a'b"),
    ],
)
def test_a_value_is_blocked_and_unblocked(real: Defender, kind: str, value: str) -> None:
    assert real.is_blocked(kind, value) is False

    handle = real.block(kind, value, "CASE-1", "key")
    again = real.block(kind, value, "CASE-1", "key")
    blocked = real.is_blocked(kind, value)
    real.unblock(kind, value)
    real.unblock(kind, value)

    assert handle == again
    assert blocked is True
    assert real.is_blocked(kind, value) is False


def test_what_somebody_allowed_on_purpose_stays_allowed() -> None:
    connector, http = defender(listed({"id": "1", "action": "Allowed", "title": "Partner"}))

    with pytest.raises(NoEffect, match="allowed this value"):
        connector.block("ip", "203.0.113.44", "CASE-1", "key")
    assert all(call.method == "GET" for call in http.asked("indicators"))


def test_somebody_elses_block_is_neither_made_again_nor_taken_away() -> None:
    connector, http = defender(listed({"id": "7", "title": "Threat team"}))

    assert connector.block("ip", "203.0.113.44", "CASE-1", "key") == "7"
    with pytest.raises(NoEffect, match="left alone"):
        connector.unblock("ip", "203.0.113.44")
    assert all(call.method == "GET" for call in http.asked("indicators"))


def test_a_kind_that_cannot_be_blocked_is_refused() -> None:
    connector, http = defender()

    with pytest.raises(NoEffect):
        connector.block("mutex", "x", "CASE-1", "key")
    assert http.calls == []


def test_silence_does_not_read_as_not_blocked() -> None:
    connector, _ = defender(("indicators", answer({})))

    with pytest.raises(HttpError):
        connector.is_blocked("ip", "203.0.113.44")


@pytest.mark.parametrize(("said", "expected"), [(answer({}, 400), NoEffect), (answer({}, 500), Doubt)])
def test_a_failure_leaves_no_more_doubt_than_there_is(said: Answer, expected: type[Exception]) -> None:
    connector, _ = defender(listed(), ("indicators", said))

    with pytest.raises(expected):
        connector.block("ip", "203.0.113.44", "CASE-1", "key")
