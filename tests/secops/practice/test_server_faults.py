"""Faults on request: what a runbook engine must live with, injected into the range's next answers."""

import smtplib
import time

import pytest
import requests

from secops.practice.products.faults import Fault, Faults
from tests.secops.practice.conftest import IDS, Client

ISOLATE = {"Comment": "c", "IsolationType": "Full"}
PATH = f"machines/{IDS['LT-1']}/isolate"


def test_a_refusal_has_no_effect_and_is_used_up(practice: Client) -> None:
    practice.fault(prefix="/defender/", kind="status", status=429, retry_after=7)

    refused = practice.defender(PATH, ISOLATE)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert practice.effects() == []
    assert practice.defender(PATH, ISOLATE).status_code == 201


def test_each_product_fails_in_its_own_words(practice: Client) -> None:
    for prefix in ("/kea", "/login", "/graph", "/defender", "/vt", "/rdap"):
        practice.fault(prefix=prefix, kind="status", status=500)

        answer = requests.get(f"{practice.base}{prefix}/x", timeout=10)

        assert answer.status_code == 500, prefix
        assert answer.json(), prefix


def test_an_error_may_come_after_the_effect(practice: Client) -> None:
    practice.fault(prefix="/defender/", kind="status_after", status=500)

    assert practice.defender(PATH, ISOLATE).status_code == 500
    assert len(practice.effects()) == 1


@pytest.mark.parametrize(("kind", "effects"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_answers_nothing(practice: Client, kind: str, effects: int) -> None:
    practice.fault(prefix="/defender/", kind=kind)

    with pytest.raises(requests.ConnectionError):
        practice.defender(PATH, ISOLATE)

    assert len(practice.effects()) == effects
    assert practice.defender("machines").ok


def test_a_late_device_acts_after_the_caller_gave_up(practice: Client) -> None:
    practice.fault(prefix="/defender/", kind="late", seconds=0.5)

    with pytest.raises(requests.ConnectionError):
        practice.defender(PATH, ISOLATE)

    assert practice.effects() == []
    time.sleep(1)
    assert [effect["method"] for effect in practice.effects()] == ["isolate"]


def test_a_delay_holds_the_answer(practice: Client) -> None:
    practice.fault(prefix="/rdap/", kind="delay", seconds=0.4)
    start = time.monotonic()

    answer = requests.get(f"{practice.base}/rdap/ip/203.0.113.9", timeout=10)

    assert answer.ok
    assert time.monotonic() - start >= 0.4


def test_a_lying_device_says_yes_and_does_nothing(practice: Client) -> None:
    practice.fault(prefix="/defender/", kind="lie")

    answer = practice.defender(PATH, ISOLATE)

    assert (answer.status_code, bool(answer.json()["id"])) == (200, True)
    assert practice.effects() == []


@pytest.mark.parametrize(
    ("kind", "answer", "mails"),
    [
        ("status", smtplib.SMTPDataError, 0),
        ("status_after", smtplib.SMTPDataError, 1),
        ("drop_before", smtplib.SMTPServerDisconnected, 0),
        ("drop_after", smtplib.SMTPServerDisconnected, 1),
        ("late", smtplib.SMTPServerDisconnected, 1),
        ("delay", None, 1),
        ("lie", None, 0),
    ],
)
def test_the_mail_server_fails_in_the_same_ways(
    practice: Client, kind: str, answer: type[smtplib.SMTPException] | None, mails: int
) -> None:
    practice.fault(prefix="/smtp", method="DATA", kind=kind, status=554, seconds=0.3)
    begins = time.monotonic()

    said = None
    with smtplib.SMTP("127.0.0.1", practice.smtp_port, timeout=10) as smtp:
        try:
            smtp.sendmail("a@tiny.example", ["b@tiny.example"], b"Subject: Look\r\n\r\nPlease")
        except smtplib.SMTPException as error:
            said = type(error)
        assert said is answer
        if kind == "late":
            assert practice.effects() == []
            time.sleep(0.6)

    assert len(practice.effects()) == mails
    assert kind != "delay" or time.monotonic() - begins >= 0.3


def test_a_fault_waits_for_its_method_and_its_prefix(practice: Client) -> None:
    practice.fault(prefix="/defender/", kind="status", method="POST", count=2)

    assert practice.defender("machines").ok
    assert requests.get(f"{practice.base}/rdap/ip/203.0.113.9", timeout=10).ok
    assert practice.defender(PATH, ISOLATE).status_code == 503
    assert [f["count"] for f in requests.get(f"{practice.base}/control/faults", timeout=10).json()] == [1]
    assert requests.delete(f"{practice.base}/control/faults", timeout=10).status_code == 204
    assert practice.defender(PATH, ISOLATE).status_code == 201


def test_bad_weather_hits_a_share_of_the_requests() -> None:
    faults = Faults()
    faults.add(Fault(prefix="/vt", kind="status", count=10_000, percent=30))

    hits = sum(faults.take("GET", "/vt/x") is not None for _ in range(1000))

    assert 230 < hits < 370
    assert faults.take("GET", "/rdap/x") is None
    assert faults.waiting()[0].count == 10_000 - hits


@pytest.mark.parametrize(
    "body",
    [
        {"prefix": "/vt"},
        {"prefix": "/vt", "kind": "explode"},
        {"prefix": "/vt", "kind": "delay", "seconds": 999},
        {"prefix": "/vt", "kind": "status", "count": "two"},
        {"prefix": "/vt", "kind": "status", "percent": 0},
        {"prefix": "/vt", "kind": "status", "colour": "red"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(shared_practice: Client, body: dict[str, object]) -> None:
    answer = requests.post(f"{shared_practice.base}/control/faults", json=body, timeout=10)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert requests.get(f"{shared_practice.base}/control/faults", timeout=10).json() == []
