"""Cisco ISE in the range: a policy by MAC address, and a session that follows it a little later."""

import time
from typing import Any

import pytest
import requests

from tests.pace import OBEYED
from tests.secops.practice.conftest import Client

MAC = "02:42:00:00:00:01"  # LT-1


def ask(practice: Client, method: str, path: str, **parts: Any) -> requests.Response:
    auth = (practice.credentials["ise_user"], practice.credentials["ise_password"])
    return requests.request(method, f"{practice.base}/ise/{path}", auth=auth, timeout=10, **parts)


def change(practice: Client, verb: str, **data: str) -> requests.Response:
    rows = [{"name": name, "value": value} for name, value in data.items()]
    body = {"OperationAdditionalData": {"additionalData": rows}}
    return ask(practice, "PUT", f"ers/config/ancendpoint/{verb}", json=body)


def profile(practice: Client, mac: str = MAC) -> str:
    found = ask(practice, "GET", f"admin/API/mnt/Session/MACAddress/{mac}").text
    return found.partition("<selected_azn_profiles>")[2].partition("<")[0]


def title(answer: requests.Response) -> str:
    said: str = answer.json()["ERSResponse"]["messages"][0]["title"]
    return said


def test_a_stranger_is_refused(practice: Client) -> None:
    assert requests.get(f"{practice.base}/ise/ers/config/ancpolicy", timeout=10).status_code == 401


def test_the_session_follows_the_policy_after_a_moment_and_back(practice: Client) -> None:
    applied = change(practice, "apply", macAddress=MAC, policyName="Quarantine-Monitored")

    assert (applied.status_code, profile(practice)) == (204, "Corporate_Access")
    time.sleep(OBEYED)
    assert profile(practice) == "Quarantine_Monitored"
    assert change(practice, "clear", macAddress=MAC).status_code == 204
    assert profile(practice) == "Quarantine_Monitored"
    time.sleep(OBEYED)
    assert profile(practice) == "Corporate_Access"
    assert [one["method"] for one in practice.effects()] == ["quarantine", "lift_quarantine"]


def test_an_endpoint_is_listed_by_its_id_alone(practice: Client) -> None:
    change(practice, "apply", macAddress=MAC, policyName="Quarantine-Monitored")

    (listed,) = ask(practice, "GET", "ers/config/ancendpoint").json()["SearchResult"]["resources"]
    found = ask(practice, "GET", f"ers/config/ancendpoint/{listed['id']}").json()["ErsAncEndpoint"]

    assert set(listed) == {"id", "link"}
    assert (found["macAddress"], found["policyName"]) == (MAC, "Quarantine-Monitored")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"macAddress": MAC, "policyName": "No such"}, "Can not find policy"),
        ({"macAddress": "10.9.0.1", "policyName": "Quarantine-Monitored"}, "Mac address is not valid"),
    ],
)
def test_what_cannot_be_applied_is_said(practice: Client, data: dict[str, str], said: str) -> None:
    answer = change(practice, "apply", **data)

    assert answer.status_code == 400
    assert said in title(answer)
    assert practice.effects() == []


def test_doing_it_twice_is_refused_in_words(practice: Client) -> None:
    change(practice, "apply", macAddress=MAC, policyName="Quarantine-Monitored")

    again = change(practice, "apply", macAddress=MAC, policyName="Quarantine-Monitored")
    change(practice, "clear", macAddress=MAC)
    cleared = change(practice, "clear", macAddress=MAC)

    assert "already associated" in title(again)
    assert "not associated" in title(cleared)
    assert len(practice.effects()) == 2


def test_a_device_that_is_off_has_no_session(practice: Client) -> None:
    answer = ask(practice, "GET", "admin/API/mnt/Session/MACAddress/02:42:00:00:00:02")  # LT-2 is inactive

    assert answer.status_code == 500
    assert "<cpm-code>34110</cpm-code>" in answer.text


def test_policies_survive_a_restart(start_range: Any) -> None:
    change(start_range(), "apply", macAddress=MAC, policyName="Quarantine-Monitored")

    found = ask(start_range(), "GET", "ers/config/ancendpoint").json()["SearchResult"]

    assert found["total"] == 1
