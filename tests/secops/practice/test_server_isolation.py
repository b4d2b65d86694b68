"""Isolation in the range: a state machine with the vendor's refusals, and every effect is on record."""

import time
from collections.abc import Callable
from typing import Any

import requests

from tests.pace import OBEYED
from tests.secops.practice.conftest import IDS, Client

LT1, LT2 = IDS["LT-1"], IDS["LT-2"]
ISOLATE = {"Comment": "case 1, step 2", "IsolationType": "Full"}


def status_of(practice: Client, number: str) -> str:
    found: str = practice.defender(f"machineactions/{number}").json()["status"]
    return found


def settled(practice: Client, number: str) -> str:
    """The state once it is not Pending any more, or after four seconds."""
    for _ in range(40):
        if (state := status_of(practice, number)) != "Pending":
            return state
        time.sleep(0.1)
    return state


def plug(practice: Client, name: str, online: bool) -> dict[str, Any]:
    answer = requests.put(f"{practice.base}/control/devices/{name}", json={"online": online}, timeout=10)
    found: dict[str, Any] = answer.json()
    return found


def test_an_isolation_is_pending_first_and_succeeds_later(practice: Client) -> None:
    started = practice.defender(f"machines/{LT1}/isolate", ISOLATE)

    action = started.json()
    assert started.status_code == 201
    assert (action["type"], action["scope"], action["status"]) == ("Isolate", "Full", "Pending")
    assert action["requestorComment"] == "case 1, step 2"
    assert action["computerDnsName"] == "lt-1.tiny.example"
    assert status_of(practice, action["id"]) == "Pending"
    assert settled(practice, action["id"]) == "Succeeded"


def test_a_second_request_while_one_is_open_is_refused_and_has_no_effect(practice: Client) -> None:
    practice.defender(f"machines/{LT1}/isolate", ISOLATE)

    again = practice.defender(f"machines/{LT1}/isolate", ISOLATE)
    release = practice.defender(f"machines/{LT1}/unisolate", {"Comment": "back"})

    assert again.status_code == release.status_code == 400
    assert again.json()["error"]["code"] == "ActiveRequestAlreadyExists"
    assert [effect["method"] for effect in practice.effects()] == ["isolate"]


def test_isolating_an_isolated_device_is_a_second_effect(practice: Client) -> None:
    first = practice.defender(f"machines/{LT1}/isolate", ISOLATE).json()["id"]
    settled(practice, first)

    second = practice.defender(f"machines/{LT1}/isolate", ISOLATE)

    assert second.status_code == 201
    assert second.json()["id"] != first
    assert [(e["method"], e["device"], e["comment"]) for e in practice.effects()] == [
        ("isolate", "LT-1", "case 1, step 2")
    ] * 2


def test_an_offline_device_stays_pending_until_it_is_back(practice: Client) -> None:
    number = practice.defender(f"machines/{LT2}/isolate", ISOLATE).json()["id"]
    time.sleep(OBEYED)
    assert status_of(practice, number) == "Pending"

    plug(practice, "LT-2", True)

    assert status_of(practice, number) == "Pending"
    assert settled(practice, number) == "Succeeded"
    assert plug(practice, "LT-2", True)["isolated"] is True


def test_what_is_pending_can_be_cancelled_once(practice: Client) -> None:
    number = practice.defender(f"machines/{LT2}/isolate", ISOLATE).json()["id"]

    cancelled = practice.defender(f"machineactions/{number}/cancel", {"Comment": "expired"})
    again = practice.defender(f"machineactions/{number}/cancel", {"Comment": "expired"})
    plug(practice, "LT-2", True)

    assert cancelled.json()["status"] == "Cancelled"
    assert again.status_code == 400
    assert settled(practice, number) == "Cancelled"
    assert practice.defender(f"machines/{LT2}/isolate", ISOLATE).status_code == 201


def test_release_ends_the_isolation(practice: Client) -> None:
    settled(practice, practice.defender(f"machines/{LT1}/isolate", ISOLATE).json()["id"])

    settled(practice, practice.defender(f"machines/{LT1}/unisolate", {"Comment": "clean"}).json()["id"])

    newest = practice.defender(f"machineactions?$filter=machineId eq '{LT1}'&$top=1").json()["value"]
    assert [(action["type"], action["status"]) for action in newest] == [("Unisolate", "Succeeded")]
    assert plug(practice, "LT-1", True)["isolated"] is False


def test_state_survives_a_restart(start_range: Callable[[], Client]) -> None:
    number = start_range().defender(f"machines/{LT1}/isolate", ISOLATE).json()["id"]

    again = start_range()

    assert settled(again, number) == "Succeeded"
    assert len(again.effects()) == 1


def test_requests_that_defender_refuses(practice: Client) -> None:
    unknown = practice.defender(f"machines/{'f' * 40}/isolate", ISOLATE)
    without = practice.defender(f"machines/{LT1}/isolate", {"IsolationType": "Full"})
    small = practice.defender(f"machines/{LT1}/isolate", {"comment": "x", "IsolationType": "Full"})
    other = practice.defender(f"machines/{LT1}/isolate", {"Comment": "x", "IsolationType": "Half"})

    listed = practice.defender(f"machines/{LT1}/isolate", ["Comment"])  # type: ignore[arg-type]
    tablet = practice.defender(f"machines/{IDS['TB-1']}/isolate", ISOLATE)

    assert listed.json()["error"]["code"] == "InvalidRequestBody"
    assert tablet.json()["error"]["code"] == "OsPlatformNotSupported"
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert without.json()["error"]["code"] == small.json()["error"]["code"] == "MissingRequiredParameter"
    assert other.json()["error"]["code"] == "InvalidInput"
    assert practice.effects() == []
