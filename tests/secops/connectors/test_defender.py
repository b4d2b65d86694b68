"""Defender: posture and isolation, and which failure leaves which doubt."""

import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.connectors.defender import Defender
from secops.http import Answer, HttpError
from tests.pace import OBEYED
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

VALUES = {"tenant": "t", "client_id": "c", "login_url": "https://login.test", "api_url": "https://defender.test"}
TOKEN = ("login.test", answer({"access_token": "tok", "expires_in": 3600}))
HOST = Host(name="LT-7", agent_id="a" * 40)
ALREADY = answer({"error": {"code": "ActiveRequestAlreadyExists", "message": "their words"}}, 400)


def defender(*answers: tuple[str, Answer | HttpError]) -> tuple[Defender, FakeHttp]:
    return connected(Defender, VALUES, {"client_secret": "s"}, [TOKEN, *answers])


def actions(*rows: tuple[str, str, str, str]) -> tuple[str, Answer]:
    """Machine actions as (type, status, scope, id), newest first."""
    value = [
        {
            "id": number,
            "type": kind,
            "status": status,
            "scope": scope,
            "creationDateTimeUtc": f"2026-11-01T10:00:{59 - at:02d}Z",
            "lastUpdateDateTimeUtc": "2026-11-01T10:01:00Z",
        }
        for at, (kind, status, scope, number) in enumerate(rows)
    ]
    return "machineactions", answer({"value": value})


@pytest.fixture
def real(attached: Callable[..., Any], practice: Range) -> Iterator[Defender]:
    values = practice.entra | {"api_url": f"{practice.base}/defender"}
    connector = attached(Defender, values, {"client_secret": practice.keys["client_secret"]})
    yield cast(Defender, connector)
    connector.http.request("DELETE", f"{practice.base}/control/limits")


def test_isolation_is_seen_to_happen_and_to_end(real: Defender) -> None:
    host = Host(name="HR-LT-0019")

    handle = real.isolate(host, "Contain CASE-1", "key-1")
    assert real.isolation_state(host).state == "pending_isolate"
    assert real.isolate(host, "Contain CASE-1", "key-1") == handle  # read back: it is the same wish
    with pytest.raises(NoEffect) as caught:
        real.release(host, "Changed our mind", "key-2")
    assert caught.value.retry_after

    time.sleep(OBEYED)
    assert real.isolation_state(host).state == "isolated"
    real.release(host, "All clear", "key-3")
    time.sleep(OBEYED)
    assert real.isolation_state(host).state == "released"


def test_posture_names_missing_updates(real: Defender, practice: Range) -> None:
    story = practice.story("bad_address")

    found = real.posture(Host(name=story["device"]))

    assert found is not None
    assert [one.split()[0] for one in found.missing_patches] == story["missing_patches"]
    assert (found.critical_patches, found.is_agent_healthy, found.isolation) == (3, True, "")
    assert real.posture(Host(name="NO-SUCH-1")) is None


def test_a_machine_is_found_by_name_or_id_never_by_a_longer_name(real: Defender) -> None:
    found = real.find_device(Host(name="FIN-LT-0142"))

    assert found is not None
    assert real.find_device(Host(agent_id=found.agent_id)) == found
    assert found.mac.count(":") == 5
    assert real.find_device(Host(name="FIN-LT-014")) is None
    assert real.find_device(Host()) is None


def test_a_request_goes_out_once_over_a_fresh_connection_with_our_key_in_the_comment() -> None:
    connector, http = defender(("isolate", answer({"id": "act-1"}, 201)))

    assert connector.isolate(HOST, "Contain", "key-9") == "act-1"

    (call,) = http.asked("/isolate")
    assert call.options["fresh"]
    assert call.options["json"] == {"Comment": "Contain [key-9]", "IsolationType": "Full"}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_did_nothing(status: int) -> None:
    connector, _ = defender(("isolate", answer({"error": {"code": "InvalidInput", "message": "their words"}}, status)))

    with pytest.raises(NoEffect) as caught:
        connector.isolate(HOST, "r", "k")
    assert caught.value.retry_after is None
    assert "their words" not in str(caught.value)


def test_later_did_nothing_and_says_when() -> None:
    connector, _ = defender(("isolate", answer({}, 429, {"Retry-After": "12"})))

    with pytest.raises(NoEffect) as caught:
        connector.isolate(HOST, "r", "k")
    assert caught.value.retry_after == 12


@pytest.mark.parametrize(
    "result",
    [
        answer({}, 500),
        answer({}, 503, {"Retry-After": "5"}),
        answer({}, 302),
        answer(b"<html>", 201),
        answer({"no": "id"}, 201),
        HttpError("product.test broke off: ReadTimeout"),
    ],
)
def test_whatever_may_have_arrived_is_doubt(result: Answer | HttpError) -> None:
    connector, http = defender(("isolate", result))

    with pytest.raises(Doubt):
        connector.isolate(HOST, "r", "k")
    assert len(http.asked("/isolate")) == 1


def test_what_never_left_is_said_to_have_never_left() -> None:
    connector, _ = defender(("isolate", HttpError("cannot be reached", was_sent=False)))

    with pytest.raises(HttpError) as caught:
        connector.isolate(HOST, "r", "k")
    assert not caught.value.was_sent


@pytest.mark.parametrize("broken", ["login.test", "/machines"])
def test_trouble_before_the_request_leaves_no_doubt(broken: str) -> None:
    host = Host(name="LT-7")
    answers: list[tuple[str, Answer | HttpError]] = [(broken, HttpError("broke off")), TOKEN]
    connector, http = connected(Defender, VALUES, {"client_secret": "s"}, answers)

    with pytest.raises(HttpError) as caught:
        connector.isolate(host, "r", "k")
    assert not caught.value.was_sent
    assert http.asked("/isolate") == []


def test_a_refused_sign_in_did_nothing() -> None:
    connector, _ = connected(Defender, VALUES, {"client_secret": "s"}, [("login.test", answer({}, 401))])

    with pytest.raises(NoEffect):
        connector.isolate(HOST, "r", "k")


def test_an_open_action_is_read_back() -> None:
    connector, _ = defender(("/isolate", ALREADY), actions(("Isolate", "Pending", "Full", "act-3")))
    assert connector.isolate(HOST, "r", "k") == "act-3"

    connector, _ = defender(("/isolate", ALREADY), actions(("Unisolate", "InProgress", "Full", "act-4")))
    with pytest.raises(NoEffect) as caught:
        connector.isolate(HOST, "r", "k")
    assert caught.value.retry_after

    connector, _ = defender(("/isolate", ALREADY), ("machineactions", answer({}, 500)))
    with pytest.raises(Doubt):
        connector.isolate(HOST, "r", "k")


@pytest.mark.parametrize(
    ("rows", "state", "handle"),
    [
        ([], "released", ""),
        ([("Isolate", "Pending", "Full", "1")], "pending_isolate", "1"),
        ([("Isolate", "Succeeded", "Full", "1")], "isolated", "1"),
        ([("Isolate", "Succeeded", "Selective", "1")], "partly", "1"),
        ([("Unisolate", "InProgress", "Full", "2"), ("Isolate", "Succeeded", "Full", "1")], "pending_release", "2"),
        ([("Unisolate", "Failed", "Full", "2"), ("Isolate", "Succeeded", "Full", "1")], "isolated", "1"),
        ([("Isolate", "Cancelled", "Full", "1")], "released", ""),
        ([("RunAntiVirusScan", "Pending", "Full", "3"), ("Isolate", "Succeeded", "Full", "1")], "isolated", "1"),
    ],
)
def test_the_state_follows_from_the_actions(rows: list[tuple[str, str, str, str]], state: str, handle: str) -> None:
    connector, _ = defender(actions(*rows))

    found = connector.isolation_state(HOST)

    assert (found.state, found.handle) == (state, handle)


def _machines(*ids: str) -> tuple[str, Answer]:
    rows = [
        {"id": one, "computerDnsName": "lt-7.corp.test", "lastSeen": f"2026-11-0{at + 1}"} for at, one in enumerate(ids)
    ]
    return "/api/machines", answer({"value": rows})


def test_of_two_devices_with_one_name_none_is_cut_off() -> None:
    connector, http = defender(("isolate", answer({"id": "act-1"}, 201)), _machines("old", "new"))

    with pytest.raises(NoEffect, match="device id"):
        connector.isolate(Host(name="LT-7"), "r", "k")
    with pytest.raises(SourceRefused):
        connector.isolation_state(Host(name="LT-7"))
    assert http.asked("/isolate") == []


def test_an_id_from_an_alert_names_one_machine_and_no_path() -> None:
    connector, http = defender(("isolate", answer({"id": "act-1"}, 201)))

    connector.isolate(Host(agent_id="x/../victim"), "r", "k")

    assert http.asked("/isolate")[0].url.endswith("/machines/x%2F..%2Fvictim/isolate")


@pytest.mark.parametrize("found", [answer({}, 404), answer({"odd": 1}), answer({"value": "none"})])
def test_no_list_of_actions_is_never_read_as_released(found: Answer) -> None:
    connector, _ = defender(("machineactions", found))

    with pytest.raises(HttpError):
        connector.isolation_state(HOST)
