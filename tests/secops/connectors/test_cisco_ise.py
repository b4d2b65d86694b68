"""Cisco ISE: closed only when policy and session agree, and which failure leaves which doubt."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from secops.connectors.capabilities.errors import Doubt, NoEffect, SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.connectors.cisco_ise import CiscoIse
from secops.http import Answer, HttpError
from tests.pace import OBEYED
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

VALUES = {"url": "https://ise.test", "username": "ers"}
HOST = Host(name="LT-7", mac="02:42:0a:00:00:07")
FREE = ("config/ancendpoint", answer({"SearchResult": {"total": 0, "resources": []}}))
PROFILE = "Quarantine_Monitored"


def ise(*answers: tuple[str, Answer | HttpError]) -> tuple[CiscoIse, FakeHttp]:
    return connected(CiscoIse, VALUES, {"password": "s"}, list(answers))


def refusal(title: str, status: int = 400) -> Answer:
    return answer({"ERSResponse": {"messages": [{"title": title, "type": "ERROR"}]}}, status)


def session(profile: str, **more: str) -> tuple[str, Answer]:
    parts = {"nas_port_id": "Gi1/0/7", "framed_ip_address": "10.0.0.7", "selected_azn_profiles": profile} | more
    body = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
    return "Session/MACAddress", answer(f"<sessionParameters>{body}</sessionParameters>".encode())


def held(policy: str = "Quarantine-Monitored", mac: str = "02:42:0A:00:00:07") -> list[tuple[str, Answer]]:
    found = {"ErsAncEndpoint": {"id": "1", "macAddress": mac, "policyName": policy}}
    listed = {"SearchResult": {"total": 1, "resources": [{"id": "1"}]}}
    return [("ancendpoint/1", answer(found)), ("config/ancendpoint", answer(listed))]


@pytest.fixture
def real(attached: Callable[..., Any], practice: Range) -> CiscoIse:
    values = {"url": f"{practice.base}/ise", "username": practice.keys["ise_user"]}
    return cast(CiscoIse, attached(CiscoIse, values, {"password": practice.keys["ise_password"]}))


def test_a_quarantine_is_seen_to_happen_and_to_end(real: CiscoIse, practice: Range) -> None:
    world = practice.running.world
    host = Host(name="SAL-LT-0075", mac=next(d["mac"] for d in world.records("devices") if d["name"] == "SAL-LT-0075"))

    handle = real.quarantine(host, "CASE-1", "key-1")
    assert real.quarantine(host, "CASE-1", "key-1") == handle
    assert real.quarantine_state(host).state == "pending_isolate"
    time.sleep(OBEYED)
    closed = real.quarantine_state(host)
    real.lift_quarantine(host, "CASE-1", "key-2")
    real.lift_quarantine(host, "CASE-1", "key-2")
    time.sleep(OBEYED)

    assert closed.state == "isolated"
    assert [path.is_open for path in closed.paths] == [False]
    assert real.quarantine_state(host).state == "released"
    assert real.test() == "ISE answers, and the policy is there."


def test_a_device_that_is_off_waits_for_its_return() -> None:
    off = answer(b"<mnt-rest-result><cpm-code>34110</cpm-code></mnt-rest-result>", 500)
    connector, _ = ise(*held(), ("Session/MACAddress", off))

    assert connector.quarantine_state(HOST).state == "pending_isolate"


def test_the_policy_alone_closes_nothing() -> None:
    connector, _ = ise(*held(), session("Corporate_Access"))

    found = connector.quarantine_state(HOST)

    assert found.state == "pending_isolate"
    assert [path.is_open for path in found.paths] == [True]


def test_each_address_of_the_session_is_a_path() -> None:
    connector, _ = ise(*held(), session(PROFILE, framed_ipv6_address="2001:db8::7"))

    found = connector.quarantine_state(HOST)

    assert found.state == "isolated"
    assert [path.name for path in found.paths] == ["Gi1/0/7 IPv4", "Gi1/0/7 IPv6"]


def test_another_policy_is_not_ours() -> None:
    connector, _ = ise(*held(policy="Port-Shutdown"), session("Corporate_Access"))

    assert connector.quarantine_state(HOST).state == "partly"


def test_another_device_under_the_policy_says_nothing_of_this_one() -> None:
    connector, _ = ise(*held(mac="02:42:0A:00:00:08"), session("Corporate_Access"))

    assert connector.quarantine_state(HOST).state == "released"


def test_without_a_mac_nothing_is_sent() -> None:
    connector, http = ise()

    with pytest.raises(NoEffect, match="MAC address"):
        connector.quarantine(replace(HOST, mac=""), "CASE-1", "key")
    assert http.calls == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (refusal("Can not find policy"), NoEffect),
        (refusal("", 401), NoEffect),
        (refusal("", 429), NoEffect),
        (refusal("boom", 500), Doubt),
        (HttpError("broke off"), Doubt),
        (HttpError("not reached", was_sent=False), HttpError),
    ],
)
def test_a_failure_leaves_no_more_doubt_than_there_is(said: Answer | HttpError, expected: type[Exception]) -> None:
    connector, http = ise(("ancendpoint/apply", said))

    with pytest.raises(expected):
        connector.quarantine(HOST, "CASE-1", "key")
    assert [call.options["fresh"] for call in http.calls] == [True]


@pytest.mark.parametrize("body", [b"not xml", b"<!DOCTYPE x><a/>"])
def test_monitoring_that_cannot_be_read_does_not_read_as_open(body: bytes) -> None:
    connector, _ = ise(FREE, ("Session/MACAddress", answer(body)))

    with pytest.raises(HttpError):
        connector.quarantine_state(HOST)


def test_a_missing_policy_is_found_by_the_test() -> None:
    connector, _ = ise(("ancpolicy", answer({"SearchResult": {"total": 0, "resources": []}})))

    with pytest.raises(SourceRefused):
        connector.test()
