"""The vendors' rate limits, and the control that gives tests their quota back."""

import pytest
import requests

from secops.practice.products.limits import Limiter
from tests.secops.practice.conftest import Client


def test_a_public_virustotal_key_has_four_calls_a_minute(practice: Client) -> None:
    statuses = [practice.vt("ip_addresses/203.0.113.9").status_code for _ in range(5)]

    refused = practice.vt("domains/bad.example")
    assert statuses == [200, 200, 200, 200, 429]
    assert refused.json() == {"error": {"code": "QuotaExceededError", "message": "Quota exceeded"}}

    requests.delete(f"{practice.base}/control/limits", timeout=10)
    assert practice.vt("domains/bad.example").ok


def test_hunting_has_45_calls_a_minute_and_says_when_to_come_back(practice: Client) -> None:
    headers = practice.bearer("graph")
    url, body = f"{practice.base}/graph/v1.0/security/runHuntingQuery", {"Query": "DeviceInfo | take 1"}

    with requests.Session() as session:
        answers = [session.post(url, json=body, headers=headers, timeout=10) for _ in range(46)]

    assert [answer.status_code for answer in answers] == [200] * 45 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].json()["error"]["code"] == "TooManyRequests"
    assert requests.get(f"{practice.base}/graph/v1.0/users", headers=headers, timeout=10).ok


def test_defender_has_100_calls_a_minute(practice: Client) -> None:
    headers = practice.bearer("defender")

    with requests.Session() as session:
        url = f"{practice.base}/defender/api/machineactions"
        answers = [session.get(url, headers=headers, timeout=10) for _ in range(101)]

    assert {answer.status_code for answer in answers[:100]} == {200}
    assert answers[100].status_code == 429
    assert int(answers[100].headers["Retry-After"]) >= 1


def test_a_refused_call_does_not_count_and_windows_slide(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("secops.practice.products.limits.time.monotonic", lambda: clock[0])
    limiter = Limiter({"x": ((2, 10), (3, 100))})

    assert [limiter.wait("x", "me") for _ in range(3)] == [0, 0, 10]
    assert limiter.wait("x", "you") == 0
    clock[0] = 110.0
    assert [limiter.wait("x", "me") for _ in range(2)] == [0, 90]
    clock[0] = 200.0
    assert limiter.wait("x", "me") == 0
