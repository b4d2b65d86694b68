"""Arkime: windows of time as segments, begun before they were asked for, ended by their last packet."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from django.forms import ValidationError

from secops import pcap
from secops.connectors.arkime import Arkime, Wish
from secops.connectors.capabilities.capture import Segment
from secops.connectors.capabilities.errors import NoEffect, SourceRefused
from secops.connectors.capabilities.identity import Host
from secops.http import Answer, HttpError
from secops.practice.products.traffic import FALLBACK
from tests.secops.connectors.conftest import Range
from tests.secops.connectors.fake_http import FakeHttp, answer, connected

VALUES = {"url": "https://arkime.test", "username": "nd", "delay_seconds": 0}
HOST = Host(name="LT-7", mac="02:42:0a:00:00:07", address="10.20.3.7")
CHALLENGE = answer(b"", 401, {"WWW-Authenticate": 'Digest realm="Moloch", nonce="abc", qop="auth"'})
SEEN = answer({"data": [{"node": "LIS-2"}], "recordsFiltered": 1})
NOT_SEEN = answer({"data": [], "recordsFiltered": 0})


def arkime(*answers: tuple[str, Answer | HttpError], **values: Any) -> tuple[Arkime, FakeHttp]:
    return connected(Arkime, VALUES | values, {"password": "s3cret"}, list(answers))


@pytest.fixture
def real(attached: Callable[..., Any], practice: Range) -> Arkime:
    values = {"url": f"{practice.base}/arkime", "username": practice.keys["arkime_user"], "delay_seconds": 0}
    secrets = {"password": practice.keys["arkime_password"]}
    return cast(Arkime, attached(Arkime, values | {"networks": "10.20.0.0/20"}, secrets))


def host_of(practice: Range, name: str) -> Host:
    device = next(one for one in practice.running.world.records("devices") if one["name"] == name)
    return Host(name=name, mac=device["mac"], address=device["ip"])


def test_the_beacon_is_in_the_packets_of_the_minutes_before(real: Arkime, practice: Range) -> None:
    host, story = host_of(practice, "FIN-LT-0142"), practice.story("bad_address")

    handle = real.start_capture(host, "key", rotate_seconds=120)
    said = real.capture(host, handle)
    read = [_read(real, host, handle, segment) for segment in said.segments]

    assert (said.state, said.sensor, said.tool) == ("running", "LIS-2", "Arkime")
    assert len(said.segments) == 5  # ten minutes
    assert all((story["peer"], 443, "tcp") in one.peers for one in read)
    assert all(one.is_whole and not one.unread for one in read)


def test_a_new_destination_shows_after_the_logs_have_ended(
    real: Arkime, practice: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor, host = int(practice.anchor.timestamp()), host_of(practice, "FIN-LT-0142")
    monkeypatch.setattr(practice.running.world, "now", lambda: practice.anchor + timedelta(minutes=5))
    handle = Wish(term=f"mac == {host.mac}", node="", begin=anchor + 1, every=120).handle()

    read = _read(real, host, handle, Segment(name=f"{anchor + 1}-{anchor + 121}", size=0))

    assert any(peer == FALLBACK for peer, _, _ in read.peers)


def test_where_no_sensor_stands_nothing_is_asked(real: Arkime, practice: Range) -> None:
    host = host_of(practice, "ENG-WS-0210")  # Hamburg

    with pytest.raises(NoEffect, match="no sensor sees"):
        real.start_capture(host, "key", rotate_seconds=120)
    assert real.watches(host) is False
    assert real.watches(host_of(practice, "FIN-LT-0142")) is True


def test_a_device_that_nobody_saw_cannot_be_captured() -> None:
    connector, http = arkime(("/api/sessions", CHALLENGE), ("/api/sessions", NOT_SEEN))

    with pytest.raises(NoEffect, match="No packet capture is possible there"):
        connector.start_capture(HOST, "key", rotate_seconds=120)
    assert [("mac" in call.url, "ip+" in call.url) for call in http.calls] == [(True, False)] * 2 + [(False, True)]
    assert connector.watches(HOST) is None


def test_it_ends_with_a_last_window_and_stays_ended() -> None:
    connector, _ = arkime()
    now = int(time.time())
    wish = Wish(term="ip == 10.20.3.7", node="LIS-2", begin=now - 250, every=100)

    running = connector.capture(HOST, wish.handle())
    handle = connector.stop_capture(HOST, wish.handle())
    ended = connector.capture(HOST, handle)

    assert [one.name for one in running.segments] == [f"{now - 250}-{now - 150}", f"{now - 150}-{now - 50}"]
    assert running.state == "running"
    assert ended.state == "stopped"
    assert ended.segments[:2] == running.segments
    assert int(ended.segments[-1].name.partition("-")[2]) >= now
    assert connector.stop_capture(HOST, handle) == handle


def test_a_window_counts_once_the_sensor_has_written_it() -> None:
    connector, _ = arkime(delay_seconds=60)
    wish = replace(Wish(term="ip == 10.20.3.7", node="", begin=int(time.time()) - 90, every=100), end=int(time.time()))

    said = connector.capture(HOST, wish.handle())

    assert (said.state, said.text, said.segments) == ("running", "The sensor still writes its last packets.", ())


def test_the_password_never_travels_and_requests_count_up() -> None:
    connector, http = arkime(("/api/sessions", CHALLENGE), ("/api/sessions", SEEN))

    connector.test()
    connector.test()

    headers = [call.options["headers"].get("Authorization", "") for call in http.calls]
    assert headers[0] == ""
    assert [re.search(r"nc=(\w+)", one)[1] for one in headers[1:]] == ["00000001", "00000002"]  # type: ignore[index]
    assert "s3cret" not in str(headers)


def test_a_sign_in_that_is_refused_is_said() -> None:
    connector, _ = arkime(("/api/sessions", CHALLENGE))

    with pytest.raises(SourceRefused):
        connector.test()


@pytest.mark.parametrize("body", [answer(b"<html>"), answer({"data": "x"})])
def test_an_answer_without_sessions_is_no_proof_of_absence(body: Answer) -> None:
    connector, _ = arkime(("/api/sessions", body))

    with pytest.raises(HttpError):
        connector.start_capture(HOST, "key", rotate_seconds=120)


def test_networks_are_read_or_refused() -> None:
    assert (
        Arkime.clean(VALUES | {"networks": "10.20.0.1/20, 192.168.0.0/16"})["networks"] == "10.20.0.0/20 192.168.0.0/16"
    )
    with pytest.raises(ValidationError):
        Arkime.clean(VALUES | {"networks": "everywhere"})


def _read(connector: Arkime, host: Host, handle: str, segment: Segment) -> pcap.Summary:
    data = b"".join(connector.fetch_segment(host, handle, segment, 0))
    return pcap.summary(data, mac=host.mac, address=host.address)
