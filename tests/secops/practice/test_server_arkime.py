"""Arkime in the range: digest sign-in, windows of time, and real packets that other tools read."""

import shutil
import subprocess
from typing import Any

import pytest
import requests
from requests.auth import HTTPDigestAuth

from tests.secops.practice.conftest import NOW, Client

HOUR = 3600


def ask(practice: Client, path: str, **params: Any) -> requests.Response:
    auth = HTTPDigestAuth(practice.credentials["arkime_user"], practice.credentials["arkime_password"])
    return requests.get(f"{practice.base}/arkime/api/{path}", params=params, auth=auth, timeout=10)


def window(hours_ago: float, lasts: float = HOUR) -> dict[str, int]:
    start = int(NOW.timestamp() - hours_ago * HOUR)
    return {"startTime": start, "stopTime": int(start + lasts)}


def test_the_password_alone_does_not_open_it(practice: Client) -> None:
    user, password = practice.credentials["arkime_user"], practice.credentials["arkime_password"]
    url = f"{practice.base}/arkime/api/sessions"

    plain = requests.get(url, auth=(user, password), timeout=10)
    wrong = requests.get(url, auth=HTTPDigestAuth(user, "guess"), timeout=10)

    assert (plain.status_code, wrong.status_code) == (401, 401)
    assert plain.headers["WWW-Authenticate"].startswith("Digest realm=")


def test_sessions_are_found_by_address_and_by_mac(practice: Client) -> None:
    by_mac = ask(practice, "sessions", expression="mac == 02:42:00:00:00:01", **window(4, 3 * HOUR)).json()
    by_peer = ask(practice, "sessions", expression="ip == 203.0.113.9", **window(4, 3 * HOUR)).json()

    assert by_mac["recordsFiltered"] == by_peer["recordsFiltered"] == 2
    assert {one["destination"]["ip"] for one in by_mac["data"]} == {"203.0.113.9"}
    assert by_mac["data"][0]["node"] == "LIS-2"


def test_a_window_is_a_pcap_that_tcpdump_reads(practice: Client, tmp_path: Any) -> None:
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    answer = ask(practice, "sessions/pcap", expression="mac == 02:42:00:00:00:01", **window(4, 3 * HOUR))
    file = tmp_path / "window.pcap"
    file.write_bytes(answer.content)

    read = subprocess.run([tcpdump, "-nnvr", file], capture_output=True, text=True, timeout=20, check=True).stdout

    assert answer.headers["Content-Type"] == "application/vnd.tcpdump.pcap"
    assert read.count("Flags [S]") == 2
    assert "> 203.0.113.9.443" in read
    assert "incorrect" not in read  # checksums


def test_a_window_without_packets_is_a_file_without_packets(practice: Client) -> None:
    answer = ask(practice, "sessions/pcap", expression="ip == 192.0.2.1", **window(1))

    assert (answer.status_code, len(answer.content)) == (200, 24)


def test_only_as_many_sessions_as_asked_for(practice: Client) -> None:
    found = ask(practice, "sessions", expression="mac == 02:42:00:00:00:01", length=1, **window(4, 3 * HOUR)).json()

    assert (found["recordsFiltered"], len(found["data"])) == (2, 1)


@pytest.mark.parametrize("params", [{"expression": "no words"}, {"expression": "ip == 10.9.0.1", "startTime": -1}])
def test_what_cannot_be_read_is_refused(practice: Client, params: dict[str, Any]) -> None:
    assert ask(practice, "sessions", **(window(1) | params)).status_code in {403, 500}
