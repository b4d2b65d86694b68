"""Kea: only a lease that covers the minute is an answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.kea import Kea
from secops.http import Answer, HttpError
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

VALUES = {"url": "http://kea.test:8000/", "username": "reader"}
NOW = datetime.now(UTC).replace(microsecond=0)
LEASE = {
    "ip-address": "10.1.2.3",
    "hw-address": "02:42:AA:00:00:01",
    "hostname": "lt-7.corp.example.",
    "cltt": int((NOW - timedelta(hours=1)).timestamp()),
    "valid-lft": 14_400,
    "state": 0,
}


def kea(*answers: Any) -> tuple[Kea, FakeHttp]:
    script: list[tuple[str, Answer | HttpError]] = [("kea.test", answer(one)) for one in answers]
    return connected(Kea, VALUES, {"password": "pw"}, script)


def found(**changes: Any) -> list[dict[str, Any]]:
    return [{"result": 0, "text": "IPv4 lease found.", "arguments": LEASE | changes}]


def test_the_lease_of_the_minute_names_the_device() -> None:
    connector, http = kea(found())

    lease = connector.lease_at("10.1.2.3", NOW)

    assert lease is not None
    assert (lease.mac, lease.hostname, lease.ends_at) == ("02:42:aa:00:00:01", "lt-7", None)
    assert lease.starts_at == NOW - timedelta(hours=1)
    assert http.calls[0].options["json"]["command"] == "lease4-get"
    assert http.calls[0].options["auth"] == ("reader", "pw")


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({}, NOW - timedelta(hours=2)),  # before the last renewal it may have been another device's
        ({}, NOW + timedelta(hours=9)),
        ({"state": 1}, NOW),
        ({"state": 2}, NOW),
    ],
)
def test_no_lease_is_guessed(changes: dict[str, Any], at: datetime) -> None:
    connector, _ = kea(found(**changes))

    assert connector.lease_at("10.1.2.3", at) is None


def test_an_ended_lease_says_when_it_ended() -> None:
    began = NOW - timedelta(hours=10)
    connector, _ = kea(found(cltt=int(began.timestamp())))

    lease = connector.lease_at("10.1.2.3", NOW - timedelta(hours=8))

    assert lease is not None
    assert lease.ends_at == began + timedelta(hours=4)


def test_an_unknown_address_has_no_lease() -> None:
    connector, _ = kea([{"result": 3, "text": "Lease not found."}])

    assert connector.lease_at("10.9.9.9", NOW) is None


@pytest.mark.parametrize("result", [1, 2])
def test_a_server_that_does_not_take_the_command_refuses(result: int) -> None:
    connector, _ = kea([{"result": result, "text": "their words"}])

    with pytest.raises(SourceRefused) as caught:
        connector.test()
    assert "their words" not in str(caught.value)


@pytest.mark.parametrize("body", [{}, [], [1], "x", [{"text": "no result"}], b"<html>", found(cltt="soon")])
def test_a_broken_answer_is_an_error(body: Any) -> None:
    connector, _ = kea(body)

    with pytest.raises(HttpError):
        connector.lease_at("10.1.2.3", NOW)
